"""Why an execution was started, and what calls for one."""

TRIGGER: dict[str, tuple[str, str]] = {
    "trigger.alarm": ("alarm {alarm} went to {state}", "アラーム {alarm} が {state} になりました"),
    "trigger.instance": (
        "the instance of {node} went to {state}",
        "{node} のインスタンスが {state} になりました",
    ),
    "trigger.standing": (
        "trouble stands and nothing was running: {signs}",
        "異常が続き、実行中の処理がありませんでした: {signs}",
    ),
    "trigger.by-hand": ("started by an operator", "運用者が開始しました"),
    "sign.alarm": ("the alarm {alarm}", "アラーム {alarm}"),
    "sign.move": ("a move to {node} that did not end", "{node} への移動が未完了です"),
    "sign.route": ("the virtual IP's route in {table}", "{table} の仮想 IP のルート"),
    "sign.not-rejoined": (
        "{node} runs and has not rejoined ({replication})",
        "{node} は起動していますが、復帰していません（{replication}）",
    ),
    "sign.peer-lost": (
        "{standby} reaches {active} on neither path",
        "{standby} はどちらの経路でも {active} に届きません",
    ),
    "sign.not-serving": ("{node} says that it does not serve", "{node} がサービスを提供していないと報告しました"),
}
