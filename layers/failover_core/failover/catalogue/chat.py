"""What a chat is told besides the sentences of outcomes and findings."""

CHAT: dict[str, tuple[str, str]] = {
    "chat.began": ("{workflow} {execution} has begun", "{workflow} {execution} を開始しました"),
    "chat.why": ("Why: {why}", "理由: {why}"),
    "chat.nodes": ("Active: {active}, standby: {standby}", "アクティブ: {active}、スタンバイ: {standby}"),
    "chat.step-done": ("{step} done", "{step} が完了しました"),
    "chat.step-failed": ("{step} did not succeed", "{step} が失敗しました"),
    "chat.took": ("It took {seconds:.1f} s.", "所要時間は {seconds:.1f} 秒です。"),
    "chat.answer-wanted": ("Shall {standby} take over from {active}?", "{active} から {standby} に引き継ぎますか。"),
    "chat.answer-until": ("It waits for an answer until {until}.", "{until} まで回答を待ちます。"),
    "chat.how-to-answer": (
        "Answer with `garoon-failover confirm`, or as the mail to operators says.",
        "`garoon-failover confirm` で、または運用者宛てのメールの手順で回答してください。",
    ),
    "chat.ready": ("Ready for a failover", "フェイルオーバーできる状態です"),
    "chat.not-ready": ("Not ready for a failover", "フェイルオーバーできない状態です"),
    "chat.found": ("{severity}: {finding} ({about}): {meaning}", "{severity}: {finding} ({about}): {meaning}"),
    "severity.critical": ("critical", "重大"),
    "severity.warning": ("warning", "警告"),
    "severity.info": ("info", "情報"),
    "chat.gone": ("Gone: {findings}", "解消: {findings}"),
}
