"""Readiness of what is in service on the nodes: their services and exports, as configured and as found there."""

from typing import TYPE_CHECKING

from failover.finding import Finding, Severity
from failover.messages import Message

if TYPE_CHECKING:
    from failover.readiness import ReadinessEvidence


def service_stopped(evidence: "ReadinessEvidence") -> Finding | None:
    status = evidence.status(evidence.active)
    if status is None or status.is_demoted:
        return None
    stopped = [name for name in status.only_warning if status.services.get(name) == "stopped"]
    if not stopped:
        return None
    return Finding(
        id="service-stopped",
        about=str(evidence.active),
        severity=Severity.WARNING,
        meaning=Message("finding.service-stopped", active=str(evidence.active), names=list(stopped)),
        action=Message("action.service-stopped", active=str(evidence.active)),
    )


def configuration_differs(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.configured is None:
        return None
    differing = [
        Message("configured.is-not", name=name, words=str(status.configured.get(name)), wanted=value)
        for name, value in evidence.settings.configured.items()
        if status.configured.get(name) != value
    ]
    if not differing:
        return None
    return Finding(
        id="configuration-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.configuration-differs", node=node, names=list(differing)),
        action=Message("action.configuration-differs", node=node),
    )


def services_start_at_boot(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.are_services_enabled_at_boot is False:
        return None
    return Finding(
        id="services-start-at-boot",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.services-start-at-boot", node=node),
        action=Message(
            "action.services-start-at-boot",
            node=node,
            commands="; ".join(f"chkconfig {name} off" for name in status.services),
        ),
    )


def service_missing(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    survey = evidence.survey(node)
    if survey is None or not survey.missing:
        return None
    return Finding(
        id="service-missing",
        about=node,
        severity=Severity.CRITICAL,
        meaning=Message("finding.service-missing", node=node, names=list(survey.missing)),
        action=Message("action.service-missing", node=node),
    )


def service_not_configured(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    survey, configured = evidence.survey(node), evidence.settings.service_names
    if survey is None or not configured:
        return None
    others = survey.services_beside(configured)
    if not others:
        return None
    return Finding(
        id="service-not-configured",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.service-not-configured", node=node, names=list(others)),
        action=Message("action.service-not-configured"),
    )


def port_differs(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    survey, port = evidence.survey(node), evidence.settings.database_port
    if survey is None or not port or not survey.database_ports or port in survey.database_ports:
        return None
    return Finding(
        id="port-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=Message("finding.port-differs", node=node, names=list(survey.database_ports), port=port),
        action=Message("action.port-differs"),
    )


def export_missing_on_standby(evidence: "ReadinessEvidence") -> Finding | None:
    survey, standby = evidence.survey(evidence.active), evidence.status(evidence.standby)
    if survey is None or standby is None or standby.configured is None:
        return None
    known = {entry.partition(":")[0] for entry in standby.configured.get("Exports", "").split(",")}
    missing = [path for path in survey.exports if path not in known]
    if not missing:
        return None
    return Finding(
        id="export-missing-on-standby",
        about=standby.node,
        severity=Severity.WARNING,
        meaning=Message(
            "finding.export-missing-on-standby", active=str(evidence.active), names=list(missing), node=standby.node
        ),
        action=Message("action.export-missing-on-standby"),
    )
