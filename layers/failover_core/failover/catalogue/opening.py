"""That a move has begun, and what readiness finds to stand."""

OPENING: dict[str, tuple[str, str]] = {
    "opening.at-work": (
        "It has begun. Nothing is to be done now; another message tells how it ends.",
        "処理を開始しました。今は対応不要です。結果は別の通知でお知らせします。",
    ),
    "opening.execution": ("At work:   {execution}", "実行中: {execution}"),
    "opening.standing": ("Findings that stand: {count}", "継続中の検出事項: {count} 件"),
}
