"""What the command says to operators in its own words, in English and Japanese, and the language that is spoken.

Sentences of the controller (decisions, outcomes, findings, errors) come as messages and are said in the same language,
out of the controller's catalogue. `discover`, `preflight`, `plan` and `verify`, which set an installation up, have
English labels.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

LANGUAGE_VARIABLE = "GAROON_FAILOVER_LANGUAGE"
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set and not empty counts (POSIX.1, "Internationalization Variables")."""


def choose(asked: str | None) -> None:
    """The language of this process: as asked for, or as the environment has it."""
    if asked:
        os.environ[LANGUAGE_VARIABLE] = asked


def language_of(environment: Mapping[str, str]) -> str:
    """`en` or `ja`."""
    if wanted := environment.get(LANGUAGE_VARIABLE):
        return "ja" if wanted.lower().startswith("ja") else "en"
    locale = next((environment[name] for name in _LOCALES if environment.get(name)), "")
    return "ja" if locale.lower().startswith("ja") else "en"


def code() -> str:
    """The language that is spoken now."""
    return language_of(os.environ)


def tr(name: str, /, **params: object) -> str:
    """The words of that name. Raises KeyError for one that there is not, or a parameter that is not given."""
    return WORDS[name][1 if code() == "ja" else 0].format(**params)


def said(message: str) -> str:
    """A message of the controller's, or somebody else's words, in the language that is spoken."""
    if code() == "en":
        return str(message)
    from failover.messages import Language, say

    return say(message, Language.JAPANESE)


WORDS: dict[str, tuple[str, str]] = {
    # --- whatever the command ---
    "next-step": ("Next step: {step}", "次の対応: {step}"),
    "interrupted": ("Interrupted.", "中断しました。"),
    "correct-the-line": ("Correct the command line.", "コマンドラインを修正してください。"),
    "try-in-a-minute": ("Try again in a minute.", "1 分後に再試行してください。"),
    "correct-and-try": (
        "Correct what the sentence names, then try again.",
        "上記の内容を修正してから、再試行してください。",
    ),
    "own-fault": (
        "A fault of garoon-failover's own: {name}: {words}",
        "garoon-failover 自体の不具合です: {name}: {words}",
    ),
    "own-fault-next": (
        "Nothing is known to be wrong with the installation. {variable}=1 shows the trace.",
        "環境に異常があるとは限りません。{variable}=1 を設定すると詳細が表示されます。",
    ),
    "aws-answered": (
        "AWS answered {operation} with {code}: {words}.",
        "AWS が {operation} に {code} を返しました: 「{words}」。",
    ),
    "use-policies": (
        "Use credentials with the stack's policies (docs/cli.md, Rights): view to look, operate to act.",
        "スタックのポリシーを持つ認証情報を使ってください（docs/cli.md、Rights）。参照には view、操作には operate が必要です。",
    ),
    "log-in-anew": (
        "Log in anew: AWS does not take these credentials (any more).",
        "再度ログインしてください。この認証情報は AWS で無効です。",
    ),
    "try-or-read": (
        "Try again in a minute; if it stays so, the sentence above says why.",
        "1 分後に再試行してください。変わらない場合は、上記の文に原因があります。",
    ),
    "aws-not-asked": ("AWS could not be asked: {words}.", "AWS に接続できませんでした: 「{words}」。"),
    "log-in": (
        "Log in (`aws sso login`, `aws configure`), or name a profile: --profile NAME.",
        "ログインする（`aws sso login`、`aws configure`）か、--profile NAME でプロファイルを指定してください。",
    ),
    "set-both-keys": (
        "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile.",
        "AWS_ACCESS_KEY_ID と AWS_SECRET_ACCESS_KEY の両方を設定するか、プロファイルを指定してください。",
    ),
    "list-profiles": (
        "`aws configure list-profiles` shows those that there are.",
        "`aws configure list-profiles` で一覧を確認できます。",
    ),
    "say-region": (
        "Say which region: --region ap-northeast-1.",
        "--region ap-northeast-1 のようにリージョンを指定してください。",
    ),
    "log-in-sso": ("Log in anew: `aws sso login`.", "`aws sso login` で再度ログインしてください。"),
    "is-endpoint-there": (
        "Is {endpoint} (AWS_ENDPOINT_URL) there?",
        "{endpoint}（AWS_ENDPOINT_URL）に接続できるか確認してください。",
    ),
    "check-network": ("Check the region and the network.", "リージョンとネットワークを確認してください。"),
    "no-stack": ("There is no stack {name} in {region}.", "{region} にスタック {name} がありません。"),
    "no-stack-next": (
        "Name it (--stack, --region), or deploy it: garoon-failover discover, then sam build && sam deploy.",
        "--stack、--region で指定するか、garoon-failover discover の後に sam build && sam deploy でデプロイしてください。",
    ),
    "no-whole-stack": (
        "The stack {name} ({status}) has no function that checks readiness: it is not deployed whole, or is another "
        "product's.",
        "スタック {name}（{status}）に準備を確認する関数がありません。デプロイが完了していないか、別の製品のスタックです。",
    ),
    "no-whole-stack-next": (
        "Name another stack (--stack), or deploy it anew.",
        "--stack で別のスタックを指定するか、デプロイし直してください。",
    ),
    "function-answered": ("{function} answered: {words}", "{function} の応答: {words}"),
    "log-has-more": ("Its log group has more.", "詳細は、ロググループを確認してください。"),
    "yes-or-no": ("{question} [y/N] ", "{question} [y/N] "),
    "one-to": ("1 to {count}: ", "1 から {count}: "),
    # --- ready ---
    "finding": ("{severity}: {meaning} [{id}, {about}]", "{severity}: {meaning} [{id}, {about}]"),
    # --- failover, switchback, rejoin ---
    "nobody-to-ask": (
        "There is nobody here to be asked whether {workflow} is to start.",
        "{workflow} を開始してよいか確認する端末がありません。",
    ),
    "give-yes": ("Give --yes to mean it.", "開始する場合は --yes を指定してください。"),
    "comes-to": (
        "As things are now, {workflow} comes to: {reason}",
        "現在の状態で {workflow} を実行した場合: {reason}",
    ),
    "writes-may-be-lost": (
        "Writes that users were told are safe may be lost.",
        "ユーザーに保存済みと伝えた書き込みが、失われる可能性があります。",
    ),
    "type-the-name": (
        "Type the cluster's name ({name}) to accept that: ",
        "承諾する場合は、クラスターの名前（{name}）を入力してください: ",
    ),
    "nothing-started": ("Nothing was started.", "何も開始しませんでした。"),
    "shall-move": (
        "The service is away while the role moves. Move it?",
        "役割の移動中はサービスが停止します。移動しますか?",
    ),
    "shall-fail-over": (
        "The active node is fenced and its role moves. Start it?",
        "アクティブなノードを切り離し、役割を移します。開始しますか?",
    ),
    "shall-restart": (
        "Services are restarted; if that does not help, the role may move. Start it?",
        "サービスを再起動します。復旧しない場合は、役割が移ることがあります。開始しますか?",
    ),
    "shall-start": ("Start {workflow}?", "{workflow} を開始しますか?"),
    "stopped-watching": (
        "You stopped watching. The execution goes on: garoon-failover history {name}",
        "表示を終了しました。実行は続いています: garoon-failover history {name}",
    ),
    "no-outcome": ("{status}: the execution recorded no outcome.", "{status}: 実行の結果が記録されていません。"),
    "no-outcome-next": (
        "Next step: garoon-failover history {name}, and garoon-failover status.",
        "次の対応: garoon-failover history {name} と garoon-failover status で確認してください。",
    ),
    "outcome-is": ("{outcome}: {reason}", "{outcome}: {reason}"),
    "outage-was": (
        "Outage: {seconds:.1f} s, from stopping the services to the routes' move.",
        "停止時間: {seconds:.1f} 秒（サービスの停止からルートの変更まで）",
    ),
    "snapshot-is": (
        "Snapshot: {snapshot} holds what the node held before it rejoined.",
        "スナップショット: {snapshot}（復帰前のノードのデータ）",
    ),
    # --- confirm, maintenance ---
    "no-question": ("No failover waits for an answer.", "回答を待っているフェイルオーバーはありません。"),
    "no-question-next": (
        "garoon-failover status shows what is at work; with `failover` you start one.",
        "実行中の処理は garoon-failover status で確認できます。`failover` で開始できます。",
    ),
    "reason-in-notification": ("its reason is in the notification", "理由は通知にあります"),
    "asks": ("{execution} asks: {reason}", "{execution} が回答を待っています: {reason}"),
    "let-it-move": ("Let the role move?", "役割の移動を許可しますか?"),
    "let-nothing-be-done": ("Let nothing be done?", "何も行わないことにしますか?"),
    "nothing-answered": ("Nothing was answered.", "回答しませんでした。"),
    "give-yes-unasked": (
        "Give --yes where there is nobody to be asked.",
        "確認する端末がない場合は --yes を指定してください。",
    ),
    "no-maintenance-function": (
        "The stack has no function that switches maintenance.",
        "スタックにメンテナンスを切り替える関数がありません。",
    ),
    "deploy-anew": ("Deploy it anew.", "デプロイし直してください。"),
    # --- history ---
    "no-execution-yet": ("No execution in the last {days} days.", "過去 {days} 日間の実行はありません。"),
    "list-head": (
        "started (UTC)        workflow    id        outcome",
        "開始 (UTC)           種別        ID        結果",
    ),
    "several-begin": (
        "{count} executions begin with {wanted}: {names}.",
        "{wanted} で始まる実行が {count} 件あります: {names}。",
    ),
    "give-more": ("Give more of the name.", "名前をさらに指定してください。"),
    "no-such-execution": (
        "There is no execution {wanted} in the last {days} days.",
        "過去 {days} 日間に {wanted} という実行はありません。",
    ),
    "history-lists": (
        "garoon-failover history lists those that there are.",
        "garoon-failover history で一覧を確認できます。",
    ),
    "markdown-of-one": ("--markdown is of one execution.", "--markdown は 1 つの実行に対して指定します。"),
    "markdown-of-one-next": (
        "Give its ID: garoon-failover history ID --markdown.",
        "ID を指定してください: garoon-failover history ID --markdown",
    ),
    "markdown-or-json": (
        "--markdown and --json exclude each other.",
        "--markdown と --json は同時に指定できません。",
    ),
    "give-one": ("Give one of them.", "どちらか 1 つを指定してください。"),
    "running": ("running: {step}", "実行中: {step}"),
    "begins": ("begins", "開始処理中"),
    "nothing-recorded": ("{status}, nothing recorded", "{status}、記録なし"),
    "outage": ("outage {seconds:.1f} s", "停止時間 {seconds:.1f} 秒"),
    "fact.outcome": ("Outcome", "結果"),
    "fact.none-recorded": ("none recorded", "記録なし"),
    "fact.workflow": ("Workflow", "ワークフロー"),
    "fact.started": ("Started", "開始"),
    "fact.took": ("Took", "所要時間"),
    "fact.outage": ("Outage", "停止時間"),
    "fact.snapshot": ("Snapshot", "スナップショット"),
    "fact.started-by": ("Started by", "開始の契機"),
    "fact.decision": ("Decision", "判定"),
    "fact.retries": ("Retries", "再試行"),
    "fact.execution": ("Execution", "実行"),
    "seconds": ("{seconds:.1f} s", "{seconds:.1f} 秒"),
    "retries": ("{count} retries", "再試行 {count} 回"),
    "no-end": ("no end", "未完了"),
    "evidence": ("Evidence", "判断の根拠"),
    "timeline": ("Timeline", "経過"),
    "notification": ("Notification", "通知"),
    "next-step-bold": ("**Next step:** {step}", "**次の対応:** {step}"),
    "source-said": ("| source | said |", "| 情報源 | 内容 |"),
    "step-table": ("| at | step | took | retries | ended with |", "| 時刻 | ステップ | 所要時間 | 再試行 | エラー |"),
    "evidence.node": (
        "instance {instance}, status checks {checks}, answer: {answer}{detail}, replica {replica}",
        "インスタンス: {instance}、ステータスチェック: {checks}、応答: {answer}{detail}、レプリカ: {replica}",
    ),
    "evidence.name": ("{name}, {role}", "{name}（{role}）"),
    "evidence.heartbeat": ("Heartbeat of the active node", "アクティブなノードのハートビート"),
    "evidence.last-word": ("Its last word on replication", "レプリケーションの最後の状態"),
    "evidence.standby-sees": ("What the standby sees of it", "スタンバイから見た状態"),
    "evidence.routes": ("Routes", "ルート"),
    "evidence.limit": ("Limit of the automatic", "自動処理の制限"),
    "lost": ("lost", "途絶"),
    "arrives": ("arrives", "受信中"),
    "was-replicating": ("was replicating", "同期していました"),
    "was-not-replicating": ("was not replicating", "同期していませんでした"),
    "unknown": ("unknown", "不明"),
    "active": ("active", "アクティブ"),
    "standby": ("standby", "スタンバイ"),
    # --- status: what the widget has no words for ---
    "none-on-record": ("none on record", "記録なし"),
    "and-more": ("and {count} more", "ほか {count}"),
    "findings-more": ("and {count} more: garoon-failover ready", "ほか {count} 件: garoon-failover ready"),
    "one-line": (
        "{time:%H:%M:%S} active {active}; {work}; {ready}",
        "{time:%H:%M:%S} アクティブ {active}、{work}、{ready}",
    ),
    "nothing-at-work": ("nothing at work", "実行中の処理なし"),
    "work-unknown": ("work unknown", "実行中の処理は不明"),
    "work-at": ("{workflow} at {step}", "{workflow}: {step}"),
    "head.routes": ("Routes", "ルート"),
    "head.targets": ("Targets", "ターゲット"),
    "head.at-work": ("At work", "実行中の処理"),
    "head.maintenance": ("Maintenance", "メンテナンス"),
    "head.ready": ("Ready", "準備"),
    "head.last-outcome": ("Last outcome", "最後の結果"),
    "to": ("to {node}: ", "{node} 宛て: "),
    "outcome-of": (
        "{time:%Y-%m-%d %H:%M} {outcome}{outage}. {reason}",
        "{time:%Y-%m-%d %H:%M} {outcome}{outage} {reason}",
    ),
    "with-outage": (", outage {seconds:.1f} s", "、停止時間 {seconds:.1f} 秒"),
    "moving": ("nothing; a move to {node} is unfinished", "なし（{node} への移動が未完了）"),
    "since": (" for {seconds:.0f} s", "、{seconds:.0f} 秒経過"),
    "step-unknown": ("step unknown", "ステップ不明"),
    "work": ("{workflow} {name}{since}: {step}", "{workflow} {name}{since}: {step}"),
    "nothing": ("nothing", "なし"),
    "off": ("off", "オフ"),
    "on-until": ("on until {time}: nothing happens by itself", "{time} までオン: 自動処理は行われません"),
    "on-until-ended": (
        "on until it is ended: nothing happens by itself",
        "終了操作までオン: 自動処理は行われません",
    ),
}
