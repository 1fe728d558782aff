"""What notifications say around the outcome: the question to operators, maintenance, and the names of the facts."""

NOTICE: dict[str, tuple[str, str]] = {
    "as-is": ("{line}", "{line}"),
    "notice.next-step": ("Next step: {next_step}", "次の対応: {next_step}"),
    "notice.cluster": ("Cluster:   {cluster}", "クラスター: {cluster}"),
    "notice.outcome": ("Outcome:   {outcome} (verdict: {verdict})", "結果: {outcome}（判定: {verdict}）"),
    "notice.none": ("none", "なし"),
    "notice.active": ("Active:    {active} (before: {before})", "アクティブ: {active}（変更前: {before}）"),
    "notice.epoch": ("Epoch:     {epoch} (before: {before})", "エポック: {epoch}（変更前: {before}）"),
    "notice.epoch-jumped": (
        "Epoch:     {epoch} (before: {before}): a node had obeyed a higher one, so the record, which was made anew, "
        "goes on above it",
        "エポック: {epoch}（変更前: {before}）。新しく作られた記録より大きいエポックにノードが従っていたため、それを超える値から続けます",
    ),
    "notice.outage": (
        "Outage:    {seconds:.1f} s, from stopping the services to the routes' move",
        "停止時間: {seconds:.1f} 秒（サービスの停止からルートの変更まで）",
    ),
    "notice.snapshot": (
        "Snapshot:  {snapshot} holds what the node held before it rejoined",
        "スナップショット: {snapshot}（復帰前のノードのデータ）",
    ),
    "notice.took": ("Took:      {seconds:.1f} s", "所要時間: {seconds:.1f} 秒"),
    "notice.recovering": (
        "Next step: none. A database that was not shut down cleanly works through its log before it takes "
        "connections; users are served when that is done. Do not stop it and do not start it again.",
        "対応は不要です。正常に終了しなかったデータベースは、ログの処理を終えてから接続を受け付けます。処理が終わると、ユーザーへのサービスを再開します。停止や再起動はしないでください。",
    ),
    "notice.so-far": (
        "So far:    {seconds:.0f} s; it is waited for until {limit} s are over (RecoveryTimeoutSeconds)",
        "経過時間: {seconds:.0f} 秒（最大 {limit} 秒まで待機します。RecoveryTimeoutSeconds）",
    ),
    "notice.execution": ("Execution: {execution}", "実行: {execution}"),
    "notice.runbook": ("Runbook:   {url}/operations.md#{anchor}", "手順書: {url}/operations.ja.md#{anchor}"),
    "notice.runbook-of-finding": ("Runbook: {url}/findings.md#{anchor}", "手順書: {url}/findings.ja.md#{anchor}"),
    "notice.by-hand": ("By hand:   {command}", "手動で続行するコマンド: {command}"),
    "notice.with-loss": (
        "With the loss of data that the reason tells of: {command}",
        "上記のデータの損失を受け入れて続行するコマンド: {command}",
    ),
    "notice.verdict.nothingToDo": ("nothingToDo", "対応不要"),
    "notice.verdict.warn": ("warn", "警告"),
    "notice.verdict.repairRoutes": ("repairRoutes", "ルートの修復"),
    "notice.verdict.restartServices": ("restartServices", "サービスの再起動"),
    "notice.verdict.resumeActive": ("resumeActive", "サービスの再開"),
    "notice.verdict.failOver": ("failOver", "フェイルオーバー"),
    "notice.verdict.switchOver": ("switchOver", "切り替え"),
    "notice.verdict.rejoin": ("rejoin", "復帰"),
    "notice.verdict.halt": ("halt", "停止"),
    "notice.verdict.notYet": ("notYet", "再確認"),
    # --- the question ---
    "question.shall": (
        "Shall {standby} take over from {active}? It waits for your answer. What was found:",
        "{active} から {standby} にフェイルオーバーしますか? 回答を待っています。検出した内容:",
    ),
    "question.restart-did-not-help": (
        "A restart in place did not help: {why}",
        "その場での再起動では復旧しませんでした: {why}",
    ),
    "question.without-answer-proceed": (
        "Without an answer by {until}, the cluster is looked at again, and {standby} takes over if that is still "
        "called for.",
        "{until} までに回答がない場合は、クラスターを再び確認し、まだ必要であれば {standby} に切り替えます。",
    ),
    "question.without-answer-abort": (
        "Without an answer by {until}, nothing is done; you are asked again after {seconds} s if the trouble still "
        "stands.",
        "{until} までに回答がない場合は、何も行いません。異常が続いていれば、{seconds} 秒後に再び確認します。",
    ),
    "question.how": (
        "Paste one of these lines into a shell, or into CloudShell in the AWS console.",
        "次のどちらかの行を、シェルまたは AWS コンソールの CloudShell に貼り付けてください。",
    ),
    "question.yes": (
        "Yes: the cluster is looked at again, and {standby} takes over unless {active} is back.",
        "はい: クラスターを再び確認し、{active} が復旧していなければ {standby} に切り替えます。",
    ),
    "question.no": (
        "No: nothing is done, and nothing moves automatically for {seconds} s.",
        "いいえ: 何も行いません。{seconds} 秒間、役割は自動で移動しません。",
    ),
    "question.only-these": (
        "Only these two answers count. With any other, nothing is done, and you are asked again while the trouble "
        "stands. The first answer counts; AWS refuses a later one.",
        "有効な回答はこの 2 つだけです。ほかの回答では何も行わず、異常が続く間は再び確認します。最初の回答が有効で、後の回答は AWS が拒否します。",
    ),
    "question.asked-by": ("Asked by:  {execution}", "確認元の実行: {execution}"),
    # --- maintenance ---
    "maintenance.was-not-on": ("Maintenance was not on.", "メンテナンス中ではありませんでした。"),
    "maintenance.off": (
        "Maintenance is off; it would have lasted until {before}. What is automatic works again.",
        "メンテナンスを終了しました（予定は {before} まで）。自動処理を再開します。",
    ),
    "maintenance.on": (
        "Maintenance is on until {until}: nothing happens automatically.",
        "{until} までメンテナンス中です。自動処理は行われません。",
    ),
    "maintenance.moved": (
        "Maintenance is on until {until}, and no longer until {before}.",
        "メンテナンスの終了を {before} から {until} に変更しました。",
    ),
    "maintenance.until-ended": ("it is ended", "終了操作"),
    "maintenance.reason": ("Reason: {words}", "理由: 「{words}」"),
}
