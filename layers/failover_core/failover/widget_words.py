"""The fixed words of the dashboard's widget, in English and Japanese.

The five states are called in Japanese as the window of LifeKeeper calls them (LifeKeeper documentation, 「リソースの
ステータス」). What a source says, findings and reasons stay in English.
"""

from dataclasses import dataclass

from failover.finding import Severity
from failover.hierarchy import State
from failover.messages import Language


@dataclass(frozen=True)
class Words:
    """One language. {placeholders} are the same in each (a test holds that)."""

    language: Language
    states: dict[State, str]
    severities: dict[Severity, str]
    resources: dict[str, str]
    roles: dict[str, str]
    unknown: str
    as_of: str
    epoch: str
    ready: str
    not_ready: str
    resource: str
    instance: str
    says: str
    sees_peer: str
    alive: str
    dead: str
    synchronised: str
    routes: str
    routes_to: str
    targets: str
    no_targets: str
    at_work: str
    nothing_at_work: str
    unfinished: str
    since: str
    step_unknown: str
    maintenance: str
    off: str
    on_until: str
    on_until_ended: str
    findings: str
    no_findings: str
    what_to_do: str
    more: str
    outcomes: str
    no_outcomes: str
    started: str
    workflow: str
    outcome: str
    outage: str
    reason: str
    seconds: str


ENGLISH = Words(
    language=Language.ENGLISH,
    states={
        State.ACTIVE: "active",
        State.STANDBY: "standby",
        State.DEGRADED: "degraded",
        State.FAILED: "failed",
        State.UNKNOWN: "unknown",
    },
    severities={Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"},
    resources={
        "route": "route",
        "virtual IP": "virtual IP",
        "exports": "NFS exports",
        "scheduler": "scheduling service",
        "database": "database",
        "file system": "file system",
        "replication": "replication",
    },
    roles={"active": "active", "standby": "standby", "unknown": "role unknown"},
    unknown="unknown",
    as_of="as of {time}",
    epoch="epoch {epoch}",
    ready="ready for a failover",
    not_ready="not ready for a failover",
    resource="resource",
    instance="instance",
    says="says",
    sees_peer="sees its peer",
    alive="alive",
    dead="dead",
    synchronised="{percent} % synchronised",
    routes="routes",
    routes_to="to {node}",
    targets="targets",
    no_targets="none registered",
    at_work="at work",
    nothing_at_work="nothing",
    unfinished="a move to {node} is unfinished",
    since="for {seconds} s",
    step_unknown="step unknown",
    maintenance="maintenance",
    off="off",
    on_until="on until {time}: nothing happens by itself",
    on_until_ended="on until it is ended: nothing happens by itself",
    findings="findings",
    no_findings="none",
    what_to_do="what to do",
    more="and {count} more: garoon-failover ready",
    outcomes="last outcomes",
    no_outcomes="none in the last 90 days",
    started="started",
    workflow="workflow",
    outcome="outcome",
    outage="outage",
    reason="reason",
    seconds="{seconds} s",
)

JAPANESE = Words(
    language=Language.JAPANESE,
    states={
        State.ACTIVE: "アクティブ",
        State.STANDBY: "スタンバイ",
        State.DEGRADED: "縮退",
        State.FAILED: "障害",
        State.UNKNOWN: "不明",
    },
    severities={Severity.CRITICAL: "重大", Severity.WARNING: "警告", Severity.INFO: "情報"},
    resources={
        "route": "ルート",
        "virtual IP": "仮想 IP",
        "exports": "NFS エクスポート",
        "scheduler": "スケジューリングサービス",
        "database": "データベース",
        "file system": "ファイルシステム",
        "replication": "レプリケーション",
    },
    roles={"active": "アクティブ", "standby": "スタンバイ", "unknown": "役割不明"},
    unknown="不明",
    as_of="{time} 現在",
    epoch="エポック {epoch}",
    ready="フェイルオーバー可能",
    not_ready="フェイルオーバー不可",
    resource="リソース",
    instance="インスタンス",
    says="ノードの応答",
    sees_peer="相手ノードとの通信",
    alive="正常",
    dead="切断",
    synchronised="{percent} % 同期済み",
    routes="ルート",
    routes_to="{node} 宛て",
    targets="ターゲット",
    no_targets="登録なし",
    at_work="実行中の処理",
    nothing_at_work="なし",
    unfinished="{node} への切り替えが未完了です",
    since="{seconds} 秒経過",
    step_unknown="ステップ不明",
    maintenance="メンテナンス",
    off="オフ",
    on_until="{time} までオン: 自動処理は行われません",
    on_until_ended="終了操作までオン: 自動処理は行われません",
    findings="検出事項",
    no_findings="なし",
    what_to_do="対処方法",
    more="ほか {count} 件: garoon-failover ready",
    outcomes="最近の実行結果",
    no_outcomes="過去 90 日間になし",
    started="開始日時",
    workflow="ワークフロー",
    outcome="結果",
    outage="停止時間",
    reason="理由",
    seconds="{seconds} 秒",
)
