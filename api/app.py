"""Build the application: the table of its operations, and what they work with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web

from api import (
    action_forms,
    actions,
    api_keys,
    audit,
    batches,
    charger_certificates,
    charger_connections,
    chargers,
    charging_profiles,
    client_certificates,
    command_records,
    composite_schedules,
    connection_details,
    connection_history,
    connections,
    connectors,
    enrolment,
    fleet,
    health,
    id_tokens,
    jobs,
    local_lists,
    members,
    message_streams,
    messages,
    metrics,
    openapi,
    operations,
    organizations,
    passwords,
    power,
    power_limits,
    probes,
    proxy_configurations,
    proxy_links,
    queues,
    reservations,
    security_events,
    site_connections,
    sites,
    station_transactions,
    stations,
    transactions,
    uploads,
)
from api.assets import serve_pages
from api.auditing import audited, prepare_audit, seen_before
from api.auth import OPERATIONS, authenticate
from api.errors import answer_faults
from api.fleet_watch import FLEETS, Fleets, watching
from api.idempotency import idempotent, remembering
from api.measured import measured
from api.parsing import MAX_BODY_BYTES
from api.parts import PARTS, ApiParts
from api.rates import RATES, RateLimits, Rates, guesses_limited
from api.routing import Operation
from api.server import DEADLINES, Deadlines
from api.streams import STREAMS, StreamLimits, Streams
from api.traced import traced
from csms.spans import Spans
from storage.live_log import LiveLog

__all__ = ["ALL", "ApiParts", "create_app", "document"]

ALL: tuple[Operation, ...] = (
    health.healthz,
    health.readyz,
    metrics.show_metrics,
    openapi.show_document,
    organizations.list_organizations,
    organizations.get_settings,
    organizations.change_settings,
    id_tokens.list_id_tokens,
    id_tokens.create_id_token,
    id_tokens.get_id_token,
    id_tokens.change_id_token,
    id_tokens.delete_id_token,
    api_keys.list_api_keys,
    api_keys.create_api_key,
    api_keys.revoke_api_key,
    members.list_members,
    members.add_member,
    members.change_member,
    members.remove_member,
    audit.list_audit,
    security_events.list_security_events,
    enrolment.enroll_with_proxy,
    proxy_configurations.list_proxy_configurations,
    proxy_configurations.create_proxy_configuration,
    proxy_configurations.get_proxy_configuration,
    proxy_configurations.replace_proxy_configuration,
    proxy_configurations.change_proxy_configuration,
    proxy_configurations.delete_proxy_configuration,
    proxy_configurations.get_proxy_status,
    proxy_links.list_proxy_links,
    probes.test_target,
    queues.get_queue,
    queues.purge_queue,
    queues.retry_queue_entry,
    client_certificates.list_client_certificates,
    client_certificates.create_client_certificate,
    client_certificates.get_client_certificate,
    client_certificates.delete_client_certificate,
    connectors.list_connectors,
    connectors.create_connector,
    connectors.get_connector,
    connectors.change_connector,
    connectors.delete_connector,
    connectors.get_connector_status,
    connectors.test_connector,
    chargers.list_chargers,
    chargers.create_charger,
    chargers.get_charger,
    chargers.change_charger,
    chargers.delete_charger,
    passwords.rotate_password,
    passwords.list_rotations,
    passwords.cancel_rotations,
    passwords.reopen_rotations,
    charger_certificates.list_charger_certificates,
    charger_certificates.pin_charger_certificate,
    charger_certificates.revoke_charger_certificate,
    charger_certificates.list_certificate_requests,
    connections.get_connection,
    connection_history.list_connections,
    power.get_power,
    action_forms.list_actions,
    action_forms.get_action,
    sites.list_sites,
    sites.create_site,
    sites.get_site,
    sites.change_site,
    sites.delete_site,
    connection_details.store_default_details,
    connection_details.get_default_details,
    connection_details.store_charger_details,
    connection_details.get_charger_details,
    connection_details.store_own_charger_details,
    connection_details.get_own_charger_details,
    charger_connections.apply_to_charger,
    charger_connections.get_charger_connection,
    charger_connections.apply_to_own_charger,
    charger_connections.get_own_charger_connection,
    site_connections.apply_to_site,
    site_connections.get_site_connections,
    site_connections.roll_back,
    site_connections.list_site_rollouts,
    site_connections.get_site_rollout,
    fleet.list_fleet,
    fleet.stream_fleet,
    messages.list_messages,
    messages.list_all_messages,
    message_streams.stream_charger_messages,
    message_streams.stream_messages,
    transactions.list_transactions,
    transactions.get_transaction,
    # Before the others below a station: the router tries one after the other.
    actions.ask_station,
    stations.list_stations,
    stations.get_station,
    station_transactions.list_station_transactions,
    station_transactions.get_station_transaction,
    composite_schedules.get_composite_schedule,
    operations.start_transaction,
    operations.stop_transaction,
    operations.reset_station,
    operations.get_reset,
    operations.cancel_reset,
    operations.get_availability,
    operations.change_station_availability,
    operations.change_evse_availability,
    operations.unlock_evse,
    charging_profiles.set_station_profile,
    charging_profiles.clear_station_profiles,
    charging_profiles.clear_station_profiles_by_post,
    charging_profiles.set_evse_profile,
    charging_profiles.clear_evse_profiles,
    power_limits.set_station_power_limit,
    power_limits.clear_station_power_limit,
    power_limits.set_evse_power_limit,
    power_limits.clear_evse_power_limit,
    power_limits.set_transaction_power_limit,
    power_limits.clear_transaction_power_limit,
    command_records.list_commands,
    command_records.get_command,
    batches.ask_stations,
    batches.list_batches,
    batches.get_batch,
    reservations.list_reservations,
    reservations.reserve_station,
    reservations.reserve_evse,
    reservations.get_reservation,
    reservations.cancel_reservation,
    local_lists.get_local_list,
    local_lists.put_local_list,
    local_lists.change_local_list,
    local_lists.clear_local_list,
    jobs.update_firmware,
    jobs.fetch_log,
    jobs.list_jobs,
    jobs.get_job,
    jobs.get_job_file,
    jobs.delete_job,
    uploads.put_upload,
    uploads.post_upload,
    uploads.put_named_upload,
    uploads.post_named_upload,
)


# The outermost first.
_MIDDLEWARES = (
    measured,
    audited,
    answer_faults,
    guesses_limited,
    authenticate,
    idempotent,
    seen_before,
)


def create_app(
    parts: ApiParts,
    deadlines: Deadlines | None = None,
    pace: batches.Pace | None = None,
    rates: RateLimits | None = None,
    streams: StreamLimits | None = None,
    spans: Spans | None = None,
) -> web.Application:
    """Return the application that serves every operation of the table."""
    around = (traced(spans), *_MIDDLEWARES) if spans else _MIDDLEWARES
    app = web.Application(middlewares=around, client_max_size=MAX_BODY_BYTES)
    app[PARTS] = parts
    app[DEADLINES] = deadlines or Deadlines()
    app[batches.PACE] = pace or batches.Pace()
    app[RATES] = Rates(rates or RateLimits())
    app[STREAMS] = Streams(streams or StreamLimits())
    app.on_shutdown.append(app[STREAMS].end)
    app[FLEETS] = Fleets(parts)
    app[message_streams.LIVE_LOG] = LiveLog(parts.storage.database, parts.storage.journal)
    app[health.CENSUS] = health.Census()
    prepare_audit(app, ALL)
    app.cleanup_ctx.extend(
        (batches.running_batches, remembering, message_streams.following, watching)
    )
    app[openapi.DOCUMENT] = document()
    app[OPERATIONS] = {
        app.router.add_route(operation.method, operation.served_path, operation.serve): operation
        for operation in ALL
    }
    serve_pages(app, app[openapi.DOCUMENT])
    return app


@cache
def document() -> Mapping[str, Any]:
    """Return the document of every operation, which takes 0.2 s to write."""
    return openapi.describe(ALL)
