"""How an execution ended, and what the operator does next."""

OUTCOME: dict[str, tuple[str, str]] = {
    # --- what else is to be known ---
    "outcome.schedule-goes-on": (
        "The failover workflow starts by itself within a minute, and again while the trouble stands, and finishes or "
        "undoes the move; during maintenance start it by hand.",
        "failover ワークフローが 1 分以内に自動で開始し、異常が続く間は繰り返し開始して、移動を完了させるか元に戻します。メンテナンス中は手動で開始してください。",
    ),
    "outcome.last-writes-may-be-missing": (
        "Replication is asynchronous (protocol {protocol}): what users wrote in the last moments before the failure "
        "may be missing.",
        "レプリケーションが非同期（プロトコル {protocol}）のため、障害の直前にユーザーが書き込んだデータが失われている可能性があります。",
    ),
    "outcome.last-word": (
        "By its last word {active} was replicating; had that ended in the {seconds:.0f} s or less between this word "
        "and its failure, what was written meanwhile would be missing.",
        "{active} の最後の報告では、レプリケーションは正常でした。この報告から障害までの最大 {seconds:.0f} 秒の間にレプリケーションが途切れていた場合、"
        "その間の書き込みは失われています。",
    ),
    "outcome.loss-accepted": (
        "An operator accepted the loss of data: {loss}. What {active} alone holds is not in service; it is kept in a "
        "snapshot when that node rejoins.",
        "運用者がデータの損失を受け入れました（{loss}）。{active} だけが持つデータは現在使用されていません。このノードの復帰時に、スナップショットに保存されます。",
    ),
    "outcome.put-back": (
        "The role was put back: {active} is in service again.",
        "役割を元に戻し、{active} がサービスを再開しました。",
    ),
    "outcome.step-failed": (
        "{step} did not succeed: {why}",
        "ステップ {step} が失敗しました: {why}",
    ),
    "outcome.stayed-so": (
        "It stayed so for as long as this execution looked.",
        "この実行が確認していた間、状態は変わりませんでした。",
    ),
    "outcome.restart-did-not-help": (
        "The restart did not help, and the role may not move: {why}.",
        "再起動では復旧せず、役割も移動できません: {why}。",
    ),
    "outcome.in-place-did-not-help": (
        "Bringing it into service in place did not help, and the role may not move: {why}.",
        "その場でのサービスの再開では復旧せず、役割も移動できません: {why}。",
    ),
    "outcome.moved-after-restart": (
        "A restart in place did not help, so the role was moved.",
        "その場での再起動では復旧しなかったため、役割を移動しました。",
    ),
    "outcome.moved-after-resume": (
        "That did not help, so the role was moved.",
        "これでは復旧しなかったため、役割を移動しました。",
    ),
    "outcome.undemoted-was-fenced": (
        "{node} could not be demoted and was fenced: {proof}.",
        "{node} は降格できなかったため、切り離しました: {proof}。",
    ),
    "outcome.isolated-not-stopped": (
        "{node} is isolated, but its instance is not stopped.",
        "{node} は隔離されていますが、インスタンスは停止していません。",
    ),
    "outcome.fenced-by-stop-alone": (
        "{node} was fenced by its stop alone: {why}.",
        "{node} はインスタンスの停止だけで切り離しました: {why}。",
    ),
    "outcome.the-old-active": ("the old active node", "元のアクティブノード"),
    # --- of an execution that could not end itself ---
    "outcome.aborted": (
        "The execution was stopped by somebody before it could record its outcome.",
        "実行は、結果を記録する前に停止されました。",
    ),
    "outcome.timed-out": (
        "The execution ran out of time before it could record its outcome.",
        "実行は、結果を記録する前にタイムアウトしました。",
    ),
    "outcome.crashed": (
        "The execution crashed before it could record its outcome.",
        "実行は、結果を記録する前に異常終了しました。",
    ),
    "outcome.aborted-with": (
        "The execution was stopped by somebody before it could record its outcome ({cause}).",
        "実行は、結果を記録する前に停止されました（「{cause}」）。",
    ),
    "outcome.timed-out-with": (
        "The execution ran out of time before it could record its outcome ({cause}).",
        "実行は、結果を記録する前にタイムアウトしました（「{cause}」）。",
    ),
    "outcome.crashed-with": (
        "The execution crashed before it could record its outcome ({cause}).",
        "実行は、結果を記録する前に異常終了しました（「{cause}」）。",
    ),
    # --- next steps ---
    "next.nothing": ("Nothing.", "対応は不要です。"),
    "next.see-how-far-it-came": (
        "See in the execution's graph how far it came, then start the workflow again: it finds out what is left to do.",
        "実行のグラフでどこまで進んだかを確認し、ワークフローを再び開始してください。残りの作業はワークフローが判断します。",
    ),
    "next.move-goes-on-by-itself": (
        "A move of the role had begun. The failover workflow starts by itself within a minute and finishes or undoes "
        "it; during maintenance start it by hand.",
        "役割の移動が始まっていました。failover ワークフローが 1 分以内に自動で開始し、移動を完了させるか元に戻します。メンテナンス中は手動で開始してください。",
    ),
    "next.asked-again": (
        "Nothing was changed. You are asked again while the trouble stands.",
        "何も変更していません。異常が続く間は、再び確認を求めます。",
    ),
    "next.correct-the-input": (
        "Nothing was changed. Correct the input and start the workflow again.",
        "何も変更していません。入力を修正し、ワークフローを再び開始してください。",
    ),
    "next.other-execution-reports": (
        "Nothing: the other execution reports.",
        "対応は不要です。もう一方の実行が結果を通知します。",
    ),
    "next.see-status-on-the-node": (
        "Nothing was changed by that. This workflow starts again while an alarm stands; if it stays so, see "
        "`garoon-node status` on the node.",
        "これによる変更はありません。アラームが続く間、このワークフローは再び開始します。状態が変わらない場合は、ノードで `garoon-node status` を確認してください。",
    ),
    "next.find-why-it-could-not-take-the-role": (
        "Find out why the other node could not take the role, before the next failure needs it.",
        "次の障害に備えて、もう一方のノードが役割を引き継げなかった原因を調べてください。",
    ),
    "next.find-who-changed-the-route": (
        "Find the cause: who changed the route (CloudTrail, ReplaceRoute)? Nothing else is to be done.",
        "ルートが変更された原因を調べてください（CloudTrail の ReplaceRoute）。ほかの対応は不要です。",
    ),
    "next.find-what-took-it-out": (
        "Find out what took it out of service. Nothing else is to be done.",
        "サービスが停止した原因を調べてください。ほかの対応は不要です。",
    ),
    "next.find-cause-in-the-journal": (
        "Find the cause in the journal and the log of what was down. Nothing else is to be done.",
        "停止していたもののジャーナルとログで原因を調べてください。ほかの対応は不要です。",
    ),
    "next.repair-the-demoted": (
        "Repair what was down on {active}, before it is needed again: it was demoted in good order and is the standby "
        "now. garoon-check-readiness says whether it is up to date.",
        "次に必要になる前に、{active} で停止していたものを修復してください。{active} は正常に降格され、現在はスタンバイです。最新かどうかは garoon-check-readiness で確認できます。",
    ),
    "next.bring-back-as-standby": (
        "Bring {active} back as an up-to-date standby: until then there is none.",
        "{active} を最新のスタンバイとして復帰させてください。それまでスタンバイはありません。",
    ),
    "next.start-the-instance": (
        "Start the instance of {node}: it rejoins, and until then is no standby.",
        "{node} のインスタンスを起動してください。自動で復帰しますが、それまではスタンバイになりません。",
    ),
    "next.stop-the-isolated": (
        "Stop the instance of {node} in the EC2 console (Force stop, skipping the OS shutdown), or wait until EC2 has "
        "stopped it; until then leave its subnets' network ACLs as they are.",
        "{node} のインスタンスを EC2 コンソールで停止する（強制停止、OS のシャットダウンをスキップ）か、EC2 による停止を待ってください。"
        "それまで、サブネットのネットワーク ACL は変更しないでください。",
    ),
    # --- kinds ---
    "kind.NothingToDo": ("NothingToDo", "対応不要（NothingToDo）"),
    "kind.Warned": ("Warned", "警告（Warned）"),
    "kind.RoutesRepaired": ("RoutesRepaired", "ルート修復済み（RoutesRepaired）"),
    "kind.ServicesRestarted": ("ServicesRestarted", "サービス再起動済み（ServicesRestarted）"),
    "kind.Resumed": ("Resumed", "サービス再開済み（Resumed）"),
    "kind.FailedOver": ("FailedOver", "フェイルオーバー完了（FailedOver）"),
    "kind.Moved": ("Moved", "役割の移動完了（Moved）"),
    "kind.SwitchedOver": ("SwitchedOver", "切り替え完了（SwitchedOver）"),
    "kind.Rejoined": ("Rejoined", "復帰完了（Rejoined）"),
    "kind.Restored": ("Restored", "元の状態に復元済み（Restored）"),
    "kind.Skipped": ("Skipped", "スキップ（Skipped）"),
    "kind.Halted": ("Halted", "停止（運用者の対応が必要）（Halted）"),
    "kind.Refused": ("Refused", "入力拒否（Refused）"),
    "kind.Failed": ("Failed", "失敗（Failed）"),
}
