"""What the evidence says, why the role does or does not move, and what the operator does about it."""

DECISION: dict[str, tuple[str, str]] = {
    # --- why the standby may not take over: parts of sentences ---
    "why.maintenance": (
        "maintenance is on, so nothing happens automatically",
        "メンテナンス中のため、自動処理は行われません",
    ),
    "why.interval": (
        "the last automatic failover ended less than the minimum interval ago, so another one needs an operator",
        "前回の自動フェイルオーバーから最小間隔が経過していないため、次のフェイルオーバーには運用者の操作が必要です",
    ),
    "why.declined": (
        "an operator declined the failover, which holds for the minimum interval",
        "運用者がフェイルオーバーを拒否しました（最小間隔の間、有効です）",
    ),
    "why.unanswered": (
        "nobody confirmed the failover in time, which holds for the minimum interval",
        "時間内にフェイルオーバーが承認されませんでした（最小間隔の間、有効です）",
    ),
    "why.standby-off": ("the standby {standby} is {state}", "スタンバイ {standby} のインスタンスは{state}です"),
    "why.standby-silent": ("the standby {standby} does not answer", "スタンバイ {standby} が応答しません"),
    "why.standby-unknown": (
        "it is not known whether the standby {standby} could take over",
        "スタンバイ {standby} が役割を引き継げるかどうか不明です",
    ),
    "why.standby-unknown-because": (
        "it is not known whether the standby {standby} could take over ({detail})",
        "スタンバイ {standby} が役割を引き継げるかどうか不明です（{detail}）",
    ),
    "why.unusable": ("{standby} is without a usable copy", "{standby} には使用できるデータのコピーがありません"),
    "why.unwritable": (
        "{folders} of {standby} takes no write (full or read-only), so it could not be promoted",
        "{standby} の {folders} に書き込めない（空きがないか読み取り専用の）ため、昇格できません",
    ),
    "why.stale": ("the replica on {standby} is {replica}", "{standby} のレプリカは{replica}です"),
    "why.stale-because": (
        "the replica on {standby} is {replica} ({detail})",
        "{standby} のレプリカは{replica}です（{detail}）",
    ),
    "why.replicating-unknown": (
        "it is not known whether {active} was still replicating to {standby} when it was last heard",
        "{active} の最後の報告の時点で {standby} へのレプリケーションが続いていたかどうか不明です",
    ),
    "why.was-not-replicating": (
        "{active} was no longer replicating to {standby} when it was last heard, so data would be lost",
        "{active} の最後の報告の時点で {standby} へのレプリケーションが途切れていたため、データが失われます",
    ),
    # --- what goes on ---
    "decision.takes-over": ("{what}; {standby} takes over.", "{what}。{standby} に切り替えます。"),
    "decision.and": ("{what}, and {why}.", "{what}。また、{why}。"),
    "decision.but": ("{what}, but {why}.", "{what}。ただし、{why}。"),
    "decision.not-known-to-ec2": (
        "EC2 does not know its instance {instance}, which alone is no proof: if it is gone for good, start this "
        'workflow with {{"peerIsGone": "{instance}"}}.',
        "EC2 にインスタンス {instance} が存在しませんが、それだけでは証明になりません。確実に失われている場合は、入力 "
        '{{"peerIsGone": "{instance}"}} でこのワークフローを開始してください。',
    ),
    "decision.two-primaries": (
        "The record says that {active} is active, but {standby} is primary; somebody moved the role by hand, or both "
        "are primary.",
        "記録では {active} がアクティブですが、{standby} がプライマリです。手動で役割が移動されたか、両方がプライマリになっています。",
    ),
    "decision.both-primary": (
        "Both {active} and {standby} are primary after a move that did not finish.",
        "完了しなかった移動の後、{active} と {standby} の両方がプライマリになっています。",
    ),
    "decision.unfinished-maintenance": (
        "A move to {standby} is unfinished and maintenance is on.",
        "{standby} への移動が未完了で、メンテナンス中です。",
    ),
    "decision.finishing-the-move": (
        "An earlier move to {standby} promoted it and did not finish; finishing it.",
        "以前の移動で {standby} は昇格しましたが、移動が完了していません。移動を完了させます。",
    ),
    "decision.unfinished-not-asked": (
        "A move to {standby} is unfinished, and {standby} could not be asked how far it got.",
        "{standby} への移動が未完了で、どこまで進んだかを {standby} に問い合わせることができません。",
    ),
    "decision.gone-back-off": (
        "A move to {standby} did not end and {standby} is {standby_state}; {active}, which users were served by last, "
        "is brought back into service.",
        "{standby} への移動が完了せず、{standby} のインスタンスは{standby_state}です。最後にサービスを提供していた {active} のサービスを再開します。",
    ),
    "decision.gone-back-isolated": (
        "A move to {standby} did not end and {standby} is isolated; {active}, which users were served by last, is "
        "brought back into service.",
        "{standby} への移動が完了せず、{standby} は隔離されています。最後にサービスを提供していた {active} のサービスを再開します。",
    ),
    "decision.gone-back-lost": (
        "A move to {standby} did not end and {standby} is lost; {active}, which users were served by last, is brought "
        "back into service.",
        "{standby} への移動が完了せず、{standby} は失われています。最後にサービスを提供していた {active} のサービスを再開します。",
    ),
    "decision.unfinished-standby-silent": (
        "A move to {standby} is unfinished and {standby} does not answer: it may be promoted, and nothing else says "
        "that it is lost, so {active} is not brought back.",
        "{standby} への移動が未完了で、{standby} が応答しません。{standby} は昇格している可能性があり、失われたことを示すほかの情報がないため、{active} は再開しません。",
    ),
    "decision.unfinished-neither-fit": (
        "A move to {standby} is unfinished, {standby} does not answer, and {active} is not fit to be active again "
        "({active_state}, answer: {active_answer}), so neither is promoted.",
        "{standby} への移動が未完了で、{standby} が応答しません。{active} も再びアクティブにできないため（{active_state}、応答: {active_answer}）、どちらも昇格しません。",
    ),
    "decision.answers-but-going-off": (
        "{active} still answers, but EC2 says that its instance is {active_state}.",
        "{active} はまだ応答していますが、EC2 ではインスタンスが{active_state}です。",
    ),
    "decision.route-wrong-maintenance": (
        "{active} serves, but a route of the virtual IP does not point to it, and maintenance is on.",
        "{active} はサービスを提供していますが、仮想 IP のルートの一部が {active} を指していません。現在メンテナンス中です。",
    ),
    "decision.route-wrong": (
        "{active} serves, but a route of the virtual IP does not point to it.",
        "{active} はサービスを提供していますが、仮想 IP のルートの一部が {active} を指していません。",
    ),
    "decision.route-wrong-no-answer": (
        "{active} does not answer over AWS, but {standby} reaches its services, and a route of the virtual IP does not "
        "point to it.",
        "{active} は AWS 経由では応答しませんが、{standby} からサービスに接続できます。仮想 IP のルートの一部が {active} を指していません。",
    ),
    "decision.standby-lost": (
        "{active} serves, but its standby {standby} is lost ({standby_state}, answer: {standby_answer}), so a failover "
        "would not work now.",
        "{active} はサービスを提供していますが、スタンバイ {standby} が失われているため（{standby_state}、応答: {standby_answer}）、現在フェイルオーバーできません。",
    ),
    "decision.heartbeat-does-not-arrive": (
        "{active} answers and serves, but its heartbeat does not arrive in CloudWatch.",
        "{active} は応答してサービスを提供していますが、ハートビートが CloudWatch に届いていません。",
    ),
    "decision.all-is-well": (
        "{active} answers and serves, and the routes are right.",
        "{active} は応答してサービスを提供しており、ルートも正常です。",
    ),
    "decision.not-serving-maintenance": (
        "{active} answers but does not serve: {trouble}; maintenance is on, so nothing happens automatically.",
        "{active} は応答していますが、サービスを提供していません: {trouble}。メンテナンス中のため、自動処理は行われません。",
    ),
    "decision.not-serving": (
        "{active} answers but does not serve: {trouble}.",
        "{active} は応答していますが、サービスを提供していません: {trouble}。",
    ),
    "decision.demoted-maintenance": (
        "{active} is up but demoted, {why_demoted}; maintenance is on, so nothing happens automatically.",
        "{active} は起動していますが、降格しています（{why_demoted}）。メンテナンス中のため、自動処理は行われません。",
    ),
    "decision.demoted-standby-lost": (
        "{active} is up but demoted, {why_demoted}, and {standby} failed its EC2 status checks and does not answer; it "
        "is fenced, and {active} is brought into service in place.",
        "{active} は起動していますが、降格しています（{why_demoted}）。{standby} は EC2 のステータスチェックに失敗し、応答しません。"
        "{standby} を切り離し、{active} のサービスをその場で再開します。",
    ),
    "decision.demoted-no-proof": (
        "{active} is up but demoted, {why_demoted}, and there is no proof that {standby} is not promoted: it does not "
        "answer.",
        "{active} は起動していますが、降格しています（{why_demoted}）。{standby} が応答しないため、昇格していないことを証明できません。",
    ),
    "decision.resuming": (
        "{active} is up but demoted, {why_demoted}; bringing it into service in place.",
        "{active} は起動していますが、降格しています（{why_demoted}）。サービスをその場で再開します。",
    ),
    "decision.demoted-and-stale": (
        "{active} is up but demoted, {why_demoted}, its own replica is {active_replica}, and {why}.",
        "{active} は起動していますが、降格しています（{why_demoted}）。{active} のレプリカは{active_replica}です。また、{why}。",
    ),
    # --- what is wrong with the active node: followed by what is done ---
    "what.demoted-and-stale": (
        "{active} is up but demoted, {why_demoted} and its replica is {active_replica}",
        "{active} は起動していますが、降格しており（{why_demoted}）、レプリカは{active_replica}です",
    ),
    "what.instance-off": (
        "The instance of {active} is {active_state}",
        "{active} のインスタンスは{active_state}です",
    ),
    "what.checks-failed": (
        "{active} failed its EC2 status checks and does not answer",
        "{active} が EC2 のステータスチェックに失敗し、応答しません",
    ),
    "what.heartbeat-lost": (
        "{active} does not answer, its heartbeat is lost, and {standby} cannot reach its services",
        "{active} が応答せず、ハートビートが途絶え、{standby} からもサービスに接続できません",
    ),
    "decision.both-down": (
        "Neither {active} nor {standby} answers: both are down, or Run Command is out of order. Nothing is promoted, "
        "nothing is fenced.",
        "{active} と {standby} がどちらも応答しません。両方が停止しているか、Run Command に障害があります。昇格も切り離しも行いません。",
    ),
    "decision.could-not-say-but-serves": (
        "{active} could not say how it is ({detail}), but {standby} reaches its services.",
        "{active} は自身の状態を報告できませんが（{detail}）、{standby} からサービスに接続できます。",
    ),
    "decision.path-to-aws-broken": (
        "{active} does not answer over AWS, but {standby} reaches its services: its path to AWS is broken, not the node.",
        "{active} は AWS 経由では応答しませんが、{standby} からサービスに接続できます。ノードではなく、AWS への経路に障害があります。",
    ),
    "decision.says-nothing-about-it": (
        "{why}, which says nothing about it.",
        "{why}。これだけではノードの状態を判断できません。",
    ),
    "decision.no-second-sign": (
        "{active} does not answer, but there is no second, independent sign that it is down.",
        "{active} が応答しませんが、停止していることを示す独立した情報がほかにありません。",
    ),
    # --- what the operator does ---
    "do.look-again": (
        "Look again in a minute; see docs/operations.md.",
        "1 分後に再び確認してください（docs/operations.ja.md を参照）。",
    ),
    "do.settle-two-primaries": (
        "Find out which node holds the newest data, demote the other (garoon-node demote), and set `active` in the "
        "cluster table if {standby} is to stay.",
        "どちらのノードに最新のデータがあるかを調べ、もう一方を降格してください（`garoon-node demote`）。{standby} を使い続ける場合は、クラスターのテーブルの "
        "`active` を変更してください。",
    ),
    "do.bring-back-or-accept": (
        "Bring {active} or an up-to-date {standby} back, or start this workflow by hand with acceptDataLoss, if its "
        "data is to be used as it is.",
        "{active} または最新の状態の {standby} を復旧するか、現在のデータのまま使用する場合は、acceptDataLoss を指定してこのワークフローを手動で開始してください。",
    ),
    "do.bring-back-or-start": (
        "Bring {active} or an up-to-date {standby} back, or start this workflow by hand.",
        "{active} または最新の状態の {standby} を復旧するか、このワークフローを手動で開始してください。",
    ),
    "do.wait-or-accept": (
        "Wait for the replicas to catch up, or start this workflow by hand with acceptDataLoss.",
        "レプリカの同期を待つか、acceptDataLoss を指定してこのワークフローを手動で開始してください。",
    ),
    "do.stop-one": (
        "Stop one of them by hand; keep its volume: both may hold data that the other lacks.",
        "どちらかを手動で停止し、そのボリュームを保管してください。両方に、もう一方にないデータがある可能性があります。",
    ),
    "do.finish-or-end-maintenance": (
        "Start this workflow by hand to finish the move, or end the maintenance.",
        "このワークフローを手動で開始して移動を完了させるか、メンテナンスを終了してください。",
    ),
    "do.bring-back-or-stop-standby": (
        "Bring {standby} back, or stop its instance (Force stop): within a minute the service comes back by itself, "
        "unless maintenance is on.",
        "{standby} を復旧するか、そのインスタンスを停止（強制停止）してください。メンテナンス中でなければ、1 分以内にサービスが自動で再開します。",
    ),
    "do.bring-either-back": (
        "Bring {standby} or {active} back, then start this workflow by hand.",
        "{standby} または {active} を復旧してから、このワークフローを手動で開始してください。",
    ),
    "do.repair-routes-or-end-maintenance": (
        "Start this workflow by hand to repair the routes, or end the maintenance.",
        "このワークフローを手動で開始してルートを修復するか、メンテナンスを終了してください。",
    ),
    "do.bring-standby-back": (
        "Bring {standby} back as an up-to-date standby.",
        "{standby} を最新のスタンバイとして復帰させてください。",
    ),
    "do.check-watch-and-agent": (
        "Check garoon-node-watch and the CloudWatch agent on {active}.",
        "{active} の garoon-node-watch と CloudWatch エージェントを確認してください。",
    ),
    "do.restart-or-end-maintenance": (
        "Start this workflow by hand to restart the services, or end the maintenance.",
        "このワークフローを手動で開始してサービスを再起動するか、メンテナンスを終了してください。",
    ),
    "do.resume-or-end-maintenance": (
        "Start this workflow by hand to bring it into service, or end the maintenance.",
        "このワークフローを手動で開始してサービスを再開するか、メンテナンスを終了してください。",
    ),
    "do.look-at-both-instances": (
        "Look at both instances in the EC2 console and bring one of them back.",
        "EC2 コンソールで両方のインスタンスを確認し、どちらかを復旧してください。",
    ),
    "do.check-the-path": (
        "Check the network path from {active} to Systems Manager and CloudWatch (NAT gateway, agents).",
        "{active} から Systems Manager と CloudWatch への経路（NAT ゲートウェイ、エージェント）を確認してください。",
    ),
    # --- planned moves and rejoin ---
    "planned.move": (
        "{standby} is to be active in place of {active}; it is an up-to-date standby.",
        "{active} に代えて {standby} をアクティブにします。{standby} は最新のスタンバイです。",
    ),
    "planned.move-after-rejoin": (
        "{standby} is to be active in place of {active}; it rejoins first, because it {why}.",
        "{active} に代えて {standby} をアクティブにします。先に {standby} を復帰させます（{why}）。",
    ),
    "planned.nothing-to-rejoin": (
        "{active} runs and is the active node; it has nothing to rejoin.",
        "{active} は実行中のアクティブノードであり、復帰の対象ではありません。",
    ),
    "planned.standby-already": (
        "{standby} is an up-to-date standby of {active} already.",
        "{standby} はすでに {active} の最新のスタンバイです。",
    ),
    "planned.rejoin-maintenance": (
        "{standby} is not an up-to-date standby; maintenance is on, so nothing happens automatically.",
        "{standby} は最新のスタンバイではありません。メンテナンス中のため、自動処理は行われません。",
    ),
    "planned.rejoin": (
        "{standby} rejoins as the standby of {active}, because it {why}.",
        "{standby} を {active} のスタンバイとして復帰させます（{why}）。",
    ),
    "planned.active-already": (
        "{active} is the active node already, and it serves.",
        "{active} はすでにアクティブノードであり、サービスを提供しています。",
    ),
    "planned.active-already-but": (
        "{active} is the active node already, but it does not serve as it should ({detail}; routes: {routes}).",
        "{active} はすでにアクティブノードですが、正常にサービスを提供していません（{detail}、ルート: {routes}）。",
    ),
    "planned.unfinished": (
        "An earlier move to {standby} is unfinished.",
        "{standby} への以前の移動が未完了です。",
    ),
    "planned.just-so": ("{why}.", "{why}。"),
    "planned.active-not-in-service": (
        "{active} is the active node and is not in service ({active_state}, answer: {active_answer}), so there is "
        "nothing to follow. Nothing was changed.",
        "アクティブノード {active} がサービスを提供していないため（{active_state}、応答: {active_answer}）、追従する対象がありません。何も変更していません。",
    ),
    "planned.unusable": (
        "{standby} is without a usable copy ({detail}).",
        "{standby} には使用できるデータのコピーがありません（{detail}）。",
    ),
    "planned.cannot-come-back": (
        "The instance {instance} of {standby} is {standby_state}: it cannot come back.",
        "{standby} のインスタンス {instance} は{standby_state}のため、復帰できません。",
    ),
    "planned.instance-is": (
        "The instance of {standby} is {standby_state}.",
        "{standby} のインスタンスは{standby_state}です。",
    ),
    "planned.isolation-unknown": (
        "{standby} was fenced, and it is not known whether it is still isolated.",
        "{standby} は切り離されましたが、まだ隔離されているかどうか不明です。",
    ),
    "planned.is-stopped": ("is stopped", "停止しているため"),
    "planned.does-not-answer-yet": ("does not answer yet", "まだ応答しないため"),
    "planned.not-up-to-date": ("is not up to date yet", "まだ最新でないため"),
    "planned.not-up-to-date-because": ("is not up to date yet ({detail})", "まだ最新でないため: {detail}"),
    "do.bring-it-back-or-end-maintenance": (
        "Start this workflow by hand to bring it back, or end the maintenance.",
        "このワークフローを手動で開始して復帰させるか、メンテナンスを終了してください。",
    ),
    "do.start-failover": (
        "Start the failover workflow with {{}}: it finds out what is wrong and puts it right.",
        "入力 {{}} で failover ワークフローを開始してください。異常を調べて修復します。",
    ),
    "do.finish-then-this": (
        "Start the failover workflow with {{}} to finish it, then this one again.",
        "入力 {{}} で failover ワークフローを開始して移動を完了させてから、このワークフローを再び開始してください。",
    ),
    "do.make-room": (
        "Make room on {standby}, then start this workflow again.",
        "{standby} の空き容量を確保してから、このワークフローを再び開始してください。",
    ),
    "do.repair-the-disk": (
        "Repair the disk of {standby} or replace the node, then start this workflow again.",
        "{standby} のディスクを修復するかノードを交換してから、このワークフローを再び開始してください。",
    ),
    "do.give-a-successor": (
        'Give it a successor (docs/operations.md, "A node is lost for good").',
        "後継のノードを用意してください（docs/operations.ja.md の「ノードが永久に失われた」を参照）。",
    ),
}
