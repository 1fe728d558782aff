"""What is sent again when nobody reacted, and the weekly message."""

REMINDER: dict[str, tuple[str, str]] = {
    "reminder.nobody": (
        "{minutes} minutes ago operators were told what follows, and nothing was done since. This is sent once more.",
        "{minutes} 分前に次の内容を通知しましたが、その後の操作がありません。もう一度お知らせします。",
    ),
    "reminder.how-to-end": (
        "An execution that somebody starts, or maintenance, shows that it was seen.",
        "実行を開始するか、メンテナンスを開始すると、確認済みとみなします。",
    ),
    "reminder.question": (
        "{execution} still waits for an answer. Half of its time is over.",
        "{execution} は回答を待っています。待ち時間の半分が過ぎました。",
    ),
    "reminder.how-to-answer": (
        "Answer with `garoon-failover confirm`, on the dashboard, or as the message says that asked.",
        "`garoon-failover confirm`、ダッシュボード、または質問の通知にある手順で回答してください。",
    ),
    "weekly.ready": ("The pair is ready for a failover.", "2 台はフェイルオーバーできる状態です。"),
    "weekly.not-ready": ("The pair is not ready for a failover.", "2 台はフェイルオーバーできない状態です。"),
    "weekly.unknown": (
        "Whether the pair is ready is not known: {why}",
        "フェイルオーバーできる状態かどうかは不明です: {why}",
    ),
    "weekly.active": ("Active:    {active}, standby: {standby}", "アクティブ: {active}、スタンバイ: {standby}"),
    "weekly.moved": ("Moved last: {time} ({outcome})", "最後の切り替え: {time}（{outcome}）"),
    "weekly.not-moved": ("Moved last: not on record", "最後の切り替え: 記録なし"),
    "weekly.executions": ("Executions in seven days: {count}", "7 日間の実行: {count} 件"),
    "weekly.why": (
        "This message comes every week. If it does not come, nobody would hear of a failover, either.",
        "この通知は毎週届きます。届かないときは、フェイルオーバーの通知も届きません。",
    ),
}
