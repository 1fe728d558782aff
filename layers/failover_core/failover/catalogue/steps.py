"""What an operator does next when a step has failed: code -> (English, Japanese)."""

STEPS: dict[str, tuple[str, str]] = {
    "step.LookAtTheExecution": (
        "Look at the execution in the Step Functions console, then start the workflow again.",
        "Step Functions コンソールで実行を確認し、ワークフローを再び開始してください。",
    ),
    "step.AssessCluster": (
        "Nothing was changed. Look at both nodes; the workflow starts again while an alarm stands.",
        "何も変更していません。両方のノードを確認してください。アラームが続く間、ワークフローは再び開始します。",
    ),
    "step.RequestConfirmation": (
        "Nothing was changed. Start this workflow by hand: an operator's execution asks nobody. It also starts again, "
        "and asks again, while an alarm stands.",
        "何も変更していません。このワークフローを手動で開始してください（運用者による実行では確認を求めません）。アラームが続く間は自動でも開始し、再び確認を求めます。",
    ),
    "step.RestartServices": (
        "Read the journal of the service on the active node and start it by hand.",
        "アクティブノードでサービスのジャーナルを確認し、手動で起動してください。",
    ),
    "step.KeepData": (
        "Nothing of it was overwritten. See the snapshot in the EC2 console, then start this workflow again.",
        "データは上書きしていません。EC2 コンソールでスナップショットを確認し、このワークフローを再び開始してください。",
    ),
    "step.RejoinNode": (
        "See `garoon-node status` on both nodes. Trouble of the active node is dealt with first, by the failover "
        "workflow; then start this workflow again.",
        "両方のノードで `garoon-node status` を確認してください。アクティブノードの異常には failover ワークフローが先に対処します。"
        "その後、このワークフローを再び開始してください。",
    ),
    "step.DemoteNode": (
        "Nothing was promoted. Look at the active node.",
        "どのノードも昇格していません。アクティブノードを確認してください。",
    ),
    "step.FenceNode": (
        "Nothing was promoted. See in the EC2 console that the instance is stopped (Force stop, skipping the OS "
        "shutdown), then start the failover workflow.",
        "どのノードも昇格していません。EC2 コンソールでインスタンスが停止していることを確認し（停止していなければ、強制停止、OS のシャットダウンをスキップ）、"
        "failover ワークフローを開始してください。",
    ),
    "step.PromoteReplica": (
        "See which node is primary (garoon-node status on both).",
        "どちらのノードがプライマリかを確認してください（両方のノードで `garoon-node status`）。",
    ),
    "step.DemoteTarget": (
        "The promotion failed and could not be undone for certain: see which node is primary (garoon-node status on "
        "both) before anything is started on a node by hand.",
        "昇格に失敗し、確実に元に戻せたことを確認できません。手動で何かを起動する前に、どちらのノードがプライマリかを確認してください（両方のノードで "
        "`garoon-node status`）。",
    ),
    "step.FenceTarget": (
        "See which node is primary (garoon-node status on both) and that the other one is stopped, then start the "
        "failover workflow.",
        "どちらのノードがプライマリか（両方のノードで `garoon-node status`）、もう一方が停止しているかを確認し、failover ワークフローを開始してください。",
    ),
    "step.StartNode": (
        "Look at the instance in the EC2 console: is it running, does its SSM Agent answer?",
        "EC2 コンソールで、インスタンスが実行中か、SSM Agent が応答しているかを確認してください。",
    ),
    "step.StartServices": (
        "The replica is promoted. Read the services' logs on that node.",
        "レプリカは昇格済みです。そのノードでサービスのログを確認してください。",
    ),
    "step.SwapRoute": (
        "Services run on the active node but clients may not reach it: point the virtual IP's routes to its eth0 "
        "interface, or start the failover workflow.",
        "アクティブノードのサービスは動作していますが、クライアントが接続できない可能性があります。仮想 IP のルートをアクティブノードの eth0 に向けるか、"
        "failover ワークフローを開始してください。",
    ),
    "step.CheckTargets": (
        "The database side serves; look at the App servers behind the load balancer.",
        "データベース側はサービスを提供しています。ロードバランサーの App サーバーを確認してください。",
    ),
}
