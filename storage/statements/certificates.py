"""Client certificates, which targets ask us for."""

from __future__ import annotations

from sqlalchemy import and_, delete, exists, select

from storage.statements.parts import given, insert_into, limit
from storage.target_schema import client_certificates, proxy_configurations

_OF_ORGANIZATION = client_certificates.c.organization_uuid == given(
    client_certificates.c.organization_uuid
)
_NAMED = and_(
    _OF_ORGANIZATION,
    client_certificates.c.certificate_id == given(client_certificates.c.certificate_id),
)
_IN_USE = exists().where(
    proxy_configurations.c.organization_uuid == client_certificates.c.organization_uuid,
    proxy_configurations.c.target_auth_client_cert_id == client_certificates.c.certificate_id,
)

add_client_certificate = insert_into(client_certificates)
client_certificate = select(client_certificates).where(_NAMED)
client_certificates_after = (
    select(client_certificates)
    .where(
        _OF_ORGANIZATION,
        client_certificates.c.certificate_id > given(client_certificates.c.certificate_id, "after"),
    )
    .order_by(client_certificates.c.certificate_id)
    .limit(limit())
)
delete_client_certificate = (
    delete(client_certificates)
    .where(_NAMED, ~_IN_USE)
    .returning(client_certificates.c.certificate_id)
)
client_certificates_ending = (
    select(client_certificates)
    .where(client_certificates.c.not_after <= given(client_certificates.c.not_after, "before"))
    .order_by(client_certificates.c.not_after)
)
