"""The fixed words of the dashboard's widget, in English and Japanese.

The five states are called in Japanese as the window of LifeKeeper calls them (LifeKeeper documentation, 「リソースの
ステータス」). Findings and reasons are messages, said in the same language; what a source says stays in its words.
"""

from dataclasses import dataclass

from failover.buttons import Action, Refusal
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
    asks: str
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
    operate: str
    who_may: str
    buttons: dict[Action, str]
    confirmations: dict[Action, str]
    """What is asked before anything is done. {active} gives the role away to {node}."""
    results: dict[Action, str]
    refusals: dict[Refusal, str]
    done: str
    not_done: str
    not_known: str
    press_again: str
    pressed_by: str


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
    asks="waits for your answer: see operate below",
    maintenance="maintenance",
    off="off",
    on_until="on until {time}: nothing happens by itself",
    on_until_ended="on until it is ended: nothing happens by itself",
    findings="findings",
    no_findings="none",
    what_to_do="what to do",
    more="and {count} more: garoon-failover ready",
    outcomes="last outcomes",
    no_outcomes="none on record",
    started="started",
    workflow="workflow",
    outcome="outcome",
    outage="outage",
    reason="reason",
    seconds="{seconds} s",
    operate="operate",
    who_may="Each is asked for once more. Only who has the stack's OperatePolicy can press them.",
    buttons={
        Action.SWITCHBACK: "move the role to {node}",
        Action.REJOIN: "rejoin the standby",
        Action.READINESS: "check readiness now",
        Action.MAINTENANCE_ON: "maintenance on for 2 hours",
        Action.MAINTENANCE_OFF: "maintenance off",
        Action.PROCEED: "yes, fail over",
        Action.DECLINE: "no, do nothing",
    },
    confirmations={
        Action.SWITCHBACK: "Move the active role from {active} to {node}? The service is away while the role moves.",
        Action.REJOIN: "Bring the standby back as an up-to-date one? What it alone holds is kept in a snapshot, and "
        "then overwritten.",
        Action.READINESS: "Look now whether a failover would work? Nothing is changed.",
        Action.MAINTENANCE_ON: "Switch maintenance on for 2 hours from now? Nothing happens by itself meanwhile, "
        "whatever fails.",
        Action.MAINTENANCE_OFF: "End maintenance now? What is automatic works again.",
        Action.PROCEED: "Answer {execution} with yes? The cluster is looked at again, and the standby takes over "
        "unless the active node is back.",
        Action.DECLINE: "Answer {execution} with no? Nothing is done, and nothing moves automatically for "
        "MinimumFailoverIntervalSeconds.",
    },
    results={
        Action.SWITCHBACK: "The execution {execution} was started. Its step is shown under at work, its end under last "
        "outcomes.",
        Action.REJOIN: "The execution {execution} was started. Its step is shown under at work, its end under last "
        "outcomes.",
        Action.READINESS: "A look was taken.",
        Action.MAINTENANCE_ON: "Maintenance is on until {time}.",
        Action.MAINTENANCE_OFF: "Maintenance is off.",
        Action.PROCEED: "{execution} has the answer yes.",
        Action.DECLINE: "{execution} has the answer no.",
    },
    refusals={
        Refusal.OLD: "This picture is more than ten minutes old. Refresh it, look, and press again.",
        Refusal.MOVED: "The role has moved since this picture was made. Refresh it, look, and press again.",
        Refusal.ANSWERED: "This question waits for no answer any more. Refresh the picture.",
        Refusal.PRESSED: "This button was pressed on this picture before, and has started what it starts.",
    },
    done="done",
    not_done="not done",
    not_known="it is not known whether it was done",
    press_again="Refresh the picture and look.",
    pressed_by="Pressed on the dashboard {dashboard}, account {account}. CloudWatch does not tell by whom; where "
    "CloudTrail records the calls of this function, it has that under the request id {call}.",
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
    asks="回答待ち: 下の「操作」から回答してください",
    maintenance="メンテナンス",
    off="オフ",
    on_until="{time} までオン: 自動処理は行われません",
    on_until_ended="終了操作までオン: 自動処理は行われません",
    findings="検出事項",
    no_findings="なし",
    what_to_do="対処方法",
    more="ほか {count} 件: garoon-failover ready",
    outcomes="最近の実行結果",
    no_outcomes="記録なし",
    started="開始日時",
    workflow="ワークフロー",
    outcome="結果",
    outage="停止時間",
    reason="理由",
    seconds="{seconds} 秒",
    operate="操作",
    who_may="実行前に確認画面が表示されます。操作できるのは、スタックの OperatePolicy を持つ利用者のみです。",
    buttons={
        Action.SWITCHBACK: "{node} へ切り替え",
        Action.REJOIN: "スタンバイを復帰",
        Action.READINESS: "今すぐ点検",
        Action.MAINTENANCE_ON: "メンテナンス開始 (2 時間)",
        Action.MAINTENANCE_OFF: "メンテナンス終了",
        Action.PROCEED: "はい、フェイルオーバーする",
        Action.DECLINE: "いいえ、何もしない",
    },
    confirmations={
        Action.SWITCHBACK: "アクティブの役割を {active} から {node} へ切り替えます。切り替え中はサービスが停止します。"
        "実行しますか?",
        Action.REJOIN: "スタンバイを最新の状態に復帰させます。スタンバイだけにあるデータは、スナップショッ"
        "トに保存した後、"
        "上書きされます。実行しますか?",
        Action.READINESS: "フェイルオーバーが可能かどうかを今すぐ点検します。何も変更しません。実行しますか?",
        Action.MAINTENANCE_ON: "今から 2 時間、メンテナンスをオンにします。その間は、障害が起きても自動処"
        "理は行われません。"
        "実行しますか?",
        Action.MAINTENANCE_OFF: "メンテナンスを今すぐ終了します。自動処理が再開されます。実行しますか?",
        Action.PROCEED: "{execution} に「はい」と回答します。状態を再確認し、アクティブノードが復旧してい"
        "なければ、スタンバイ"
        "に切り替えます。実行しますか?",
        Action.DECLINE: "{execution} に「いいえ」と回答します。何も行わず、MinimumFailoverIntervalSeconds "
        "の間、自動では"
        "切り替えません。実行しますか?",
    },
    results={
        Action.SWITCHBACK: "{execution} を開始しました。ステップは「実行中の処理」に、結果は「最近の実行結"
        "果」に表示されます。",
        Action.REJOIN: "{execution} を開始しました。ステップは「実行中の処理」に、結果は「最近の実行結果」"
        "に表示されます。",
        Action.READINESS: "点検しました。",
        Action.MAINTENANCE_ON: "メンテナンスは {time} までオンです。",
        Action.MAINTENANCE_OFF: "メンテナンスはオフです。",
        Action.PROCEED: "{execution} に「はい」と回答しました。",
        Action.DECLINE: "{execution} に「いいえ」と回答しました。",
    },
    refusals={
        Refusal.OLD: "この画面は 10 分以上前のものです。更新して内容を確認し、もう一度押してください。",
        Refusal.MOVED: "この画面の表示後に役割が切り替わりました。更新して内容を確認し、もう一度押してください。",
        Refusal.ANSWERED: "この質問はすでに回答を受け付けていません。画面を更新してください。",
        Refusal.PRESSED: "このボタンはこの画面ですでに押され、処理は開始されています。",
    },
    done="完了",
    not_done="未実行",
    not_known="実行されたかどうか不明",
    press_again="画面を更新して確認してください。",
    pressed_by="ダッシュボード {dashboard}、アカウント {account} から操作されました。CloudWatch は操作者を"
    "通知しません。"
    "この関数の呼び出しを CloudTrail に記録している場合は、リクエスト ID {call} で確認できます。",
)
