"""Readiness of what is in service on the nodes: their services and exports, as configured and as found there."""

from typing import TYPE_CHECKING

from failover.finding import Finding, Severity

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
        meaning=f"On {evidence.active} {', '.join(stopped)} does not run. By the parameter Services its failure only "
        "warns: Garoon serves, and nothing restarts it.",
        action=f"Read its log on {evidence.active} and start it there.",
    )


def configuration_differs(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.configured is None:
        return None
    differing = [
        f"{name} is {status.configured.get(name)}, not {value}"
        for name, value in evidence.settings.configured.items()
        if status.configured.get(name) != value
    ]
    if not differing:
        return None
    return Finding(
        id="configuration-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=f"{node} does not go by the stack's parameters: {'; '.join(differing)}.",
        action=f"In State Manager, read why the association of {node} was refused, put that right, and apply it "
        f"again; or take it out of /etc/garoon-node.local.conf on {node}.",
    )


def services_start_at_boot(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    status = evidence.status(node)
    if status is None or status.are_services_enabled_at_boot is False:
        return None
    return Finding(
        id="services-start-at-boot",
        about=node,
        severity=Severity.WARNING,
        meaning=f"Garoon's services would be started by the system when {node} boots, also as a standby.",
        action=f"On {node}: "
        + "; ".join(f"chkconfig {name} off" for name in status.services)
        + " (or systemctl disable).",
    )


def service_missing(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    survey = evidence.survey(node)
    if survey is None or not survey.missing:
        return None
    return Finding(
        id="service-missing",
        about=node,
        severity=Severity.CRITICAL,
        meaning=f"{node} cannot start what Services names: {', '.join(survey.missing)} is not there, or is no program.",
        action=f"Copy it from the other node to {node}, or correct the parameter Services.",
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
        meaning=f"On {node} there is what looks like a service of Garoon's and is not in the parameter Services: "
        f"{', '.join(others)}. Nobody would start it after a failover.",
        action="Name it in Services and deploy; or remove it where it is of no use any more.",
    )


def port_differs(evidence: "ReadinessEvidence", node: str) -> Finding | None:
    survey, port = evidence.survey(node), evidence.settings.database_port
    if survey is None or not port or not survey.database_ports or port in survey.database_ports:
        return None
    return Finding(
        id="port-differs",
        about=node,
        severity=Severity.WARNING,
        meaning=f"The database's settings on the volume of {node} have the port {', '.join(survey.database_ports)}, "
        f"and the parameter DatabasePort is {port}: once it is started anew, it would not be found there.",
        action="Correct the parameter DatabasePort and deploy, or the port in the database's my.ini.",
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
        meaning=f"{evidence.active} exports {', '.join(missing)} of the volume, and {standby.node} would not after a "
        "failover: its Exports do not name it.",
        action="Name it in the parameter Exports, with a number of its own, and deploy.",
    )
