"""Client certificates of chargers, and what chargers have asked an authority to sign."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, null, select, tuple_, update

from storage.security_schema import certificate_requests, charger_certificates
from storage.statements.parts import among, given, insert_into, limit, of_charger, point

_CERTIFICATES, _REQUESTS = charger_certificates.c, certificate_requests.c
_THIS = and_(
    _CERTIFICATES.organization_uuid == given(_CERTIFICATES.organization_uuid),
    _CERTIFICATES.sha256 == given(_CERTIFICATES.sha256),
)
_NEWEST_FIRST = (_CERTIFICATES.created_at.desc(), _CERTIFICATES.sha256)

add_charger_certificate = insert_into(charger_certificates)
charger_certificate = point(select(charger_certificates).where(_THIS))
certificates_of_charger = (
    select(charger_certificates).where(of_charger(charger_certificates)).order_by(*_NEWEST_FIRST)
)
certificates_among = (
    select(_CERTIFICATES.charge_box_id, _CERTIFICATES.sha256)
    .where(
        _CERTIFICATES.organization_uuid == given(_CERTIFICATES.organization_uuid),
        among(_CERTIFICATES.charge_box_id),
        _CERTIFICATES.revoked_at.is_(null()),
        _CERTIFICATES.not_after > given(_CERTIFICATES.not_after, "now"),
    )
    .order_by(*_NEWEST_FIRST)
)
revoke_charger_certificate = (
    update(charger_certificates)
    .where(
        _CERTIFICATES.organization_uuid
        == given(_CERTIFICATES.organization_uuid, "of_organization"),
        _CERTIFICATES.charge_box_id == given(_CERTIFICATES.charge_box_id, "of_charger"),
        _CERTIFICATES.sha256 == given(_CERTIFICATES.sha256, "of_sha256"),
        _CERTIFICATES.revoked_at.is_(null()),
    )
    .values(revoked_at=given(_CERTIFICATES.revoked_at, "at"))
    .returning(_CERTIFICATES.sha256)
)
# Whoever has a newer one: nobody gets in with what has expired, revoked or not.
drop_expired_certificates = delete(charger_certificates).where(
    of_charger(charger_certificates),
    _CERTIFICATES.not_after < given(_CERTIFICATES.not_after, "now"),
)
# Not one that was revoked meanwhile: without its row its subject alone would let it in again.
drop_charger_certificate = delete(charger_certificates).where(
    of_charger(charger_certificates),
    _CERTIFICATES.sha256 == given(_CERTIFICATES.sha256),
    _CERTIFICATES.revoked_at.is_(null()),
)
drop_certificates_of_charger = delete(charger_certificates).where(
    of_charger(charger_certificates), _CERTIFICATES.revoked_at.is_(null())
)

_MOST_REQUESTS = 20  # that are remembered of one charger
_OPEN = _REQUESTS.finished_at.is_(null())
_NEWEST = (_REQUESTS.requested_at, _REQUESTS.request_id)
add_certificate_request = insert_into(certificate_requests)
certificate_request = select(certificate_requests).where(
    _REQUESTS.request_id == given(_REQUESTS.request_id)
)
requests_of_charger = (
    select(certificate_requests)
    .where(of_charger(certificate_requests))
    .order_by(*(column.desc() for column in _NEWEST))
    .limit(limit())
)
open_requests = select(certificate_requests).where(_OPEN).order_by(*_NEWEST)
_OPEN_ONE = update(certificate_requests).where(
    _REQUESTS.request_id == given(_REQUESTS.request_id, "of_request"), _OPEN
)
# Neither writes what is the other's: a charger may ask again while its certificate is signed.
change_request = _OPEN_ONE.values(
    state=given(_REQUESTS.state),
    error=given(_REQUESTS.error),
    chain=given(_REQUESTS.chain),
    finished_at=given(_REQUESTS.finished_at),
).returning(*_REQUESTS)
rename_request = _OPEN_ONE.values(charger_request_id=given(_REQUESTS.charger_request_id)).returning(
    _REQUESTS.request_id
)
trim_requests = delete(certificate_requests).where(
    of_charger(certificate_requests),
    ~_OPEN,
    tuple_(*_NEWEST).not_in(
        select(*_NEWEST)
        .where(of_charger(certificate_requests))
        .order_by(*(column.desc() for column in _NEWEST))
        .limit(bindparam("most", _MOST_REQUESTS))
    ),
)
