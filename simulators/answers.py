"""Answers that read the same in OCPP 1.6 and 2.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulators import controls
from simulators.jobs import log_name, order, send_log
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger
    from simulators.voice import Handler


def accepted(done: bool) -> Fields:  # noqa: FBT001 - a verdict, not a switch
    """Say Accepted or Rejected."""
    return {"status": "Accepted" if done else "Rejected"}


def cancel_reservation(charger: Charger, fields: Fields) -> Fields:
    """Give up a reservation."""
    return accepted(controls.cancel_reservation(charger, fields["reservationId"]))


def certificate_signed(charger: Charger, fields: Fields) -> Fields:
    """Take the charger's own certificate, where it is for a key that the charger has made."""
    return accepted(charger.certificates.take(fields["certificateChain"]))


def clear_cache(_charger: Charger, _fields: Fields) -> Fields:
    """Forget tokens; none are cached."""
    return {"status": "Accepted"}


def data_transfer(charger: Charger, fields: Fields) -> Fields:
    """Echo to our own vendor."""
    if fields["vendorId"] != charger.identity.vendor:
        return {"status": "UnknownVendorId"}
    echo = {"data": fields["data"]} if "data" in fields else {}
    return {"status": "Accepted", **echo}


def delete_certificate(charger: Charger, fields: Fields) -> Fields:
    """Forget a root certificate."""
    gone = charger.certificates.delete(fields["certificateHashData"])
    return {"status": "Accepted" if gone else "NotFound"}


def get_log(charger: Charger, fields: Fields) -> Fields:
    """Send the log; one that is being sent is given up."""
    action = "LogStatusNotification"
    job = order(action, fields, fields["log"]["remoteLocation"])
    last = charger.jobs.begin(charger, action, send_log(charger, job, "UploadFailure"))
    status = "Accepted" if last is None else "AcceptedCanceled"
    return {"status": status, "filename": log_name(charger)}


def install_certificate(charger: Charger, fields: Fields) -> Fields:
    """Keep a root certificate."""
    kept = charger.certificates.install(fields["certificateType"], fields["certificate"])
    return {"status": "Accepted" if kept else "Failed"}


BOTH: Mapping[str, Handler] = {
    "CancelReservation": cancel_reservation,
    "CertificateSigned": certificate_signed,
    "ClearCache": clear_cache,
    "DataTransfer": data_transfer,
    "DeleteCertificate": delete_certificate,
    "GetLog": get_log,
    "InstallCertificate": install_certificate,
}
