"""How a node is, in parts of sentences: its instance, its answer, its replica, its services."""

NODE: dict[str, tuple[str, str]] = {
    # --- the instance, as EC2 has it ---
    "instance.on": ("running", "実行中"),
    "instance.going-off": ("stopping", "停止処理中"),
    "instance.off": ("stopped", "停止済み"),
    "instance.terminated": ("terminated", "終了済み"),
    "instance.not-known-to-EC2": ("not known to EC2", "EC2 に存在しない ID"),
    "instance.unknown": ("in an unknown state", "状態不明"),
    # --- what came back when the node was asked ---
    "answer.serving": ("serving", "サービス提供中"),
    "answer.not-serving": ("not serving", "サービス停止中"),
    "answer.demoted": ("demoted", "降格済み"),
    "answer.no-answer": ("no answer", "応答なし"),
    "answer.unknown": ("unknown", "不明"),
    # --- the replica ---
    "replica.up-to-date": ("up to date", "最新"),
    "replica.not-up-to-date": ("not up to date", "最新でない状態"),
    "replica.without-a-usable-copy": ("without a usable copy", "使用できない状態"),
    "replica.unknown": ("unknown", "不明"),
    "replication.words": ("{connection}, disk {disk}", "{connection}、ディスク {disk}"),
    "replication.syncing": (
        "{connection}, disk {disk}, {percent:.0f} % synchronised",
        "{connection}、ディスク {disk}、{percent:.0f} % 同期済み",
    ),
    "routes.right": ("right", "正しい"),
    "routes.wrong": ("wrong", "誤り"),
    "routes.unknown": ("unknown", "不明"),
    # --- what is down on it ---
    "node.parts": ("{parts}", "{parts}"),
    "node.nothing-wrong": ("nothing is wrong", "異常なし"),
    "node.a-service-is-down": ("a service is down", "サービスが停止しています"),
    "node.not-mounted": ("the volume is not mounted", "ボリュームがマウントされていません"),
    "node.takes-no-write": ("the volume takes no write", "ボリュームに書き込めません"),
    "node.service-stopped": ("{service} is stopped", "{service} が停止しています"),
    "node.service-starting": ("{service} is starting", "{service} が起動中です"),
    "node.database-silent": ("the database does not answer", "データベースが応答しません"),
    "node.exports-missing": ("the NFS exports are missing", "NFS エクスポートがありません"),
    "node.nfs-silent": ("NFS does not answer", "NFS が応答しません"),
    "node.no-virtual-ip": ("the virtual IP is not on eth0", "仮想 IP が eth0 にありません"),
    # --- what its looks could not see ---
    "node.unseen.role": ("its replica's role", "レプリカの役割"),
    "node.unseen.mount": ("the mount", "マウントの状態"),
    "node.unseen.writable": ("whether the volume takes writes", "ボリュームへの書き込み可否"),
    "node.unseen.database": ("the database", "データベース"),
    "node.unseen.nfs": ("NFS", "NFS の応答"),
    "node.unseen.exports": ("the NFS exports", "NFS エクスポート"),
    "node.unseen.virtual-ip": ("the virtual IP", "仮想 IP"),
    "node.look-failed": ("its look at itself failed: {parts}", "ノード自身の状態を確認できません: {parts}"),
    "node.was-fenced": ("it was fenced and has not rejoined since", "切り離された後、まだ復帰していません"),
    "node.could-not-say": (
        "{node} could not say how it is ({detail})",
        "{node} は自身の状態を報告できません（{detail}）",
    ),
    "node.could-not-be-asked": (
        "{node} could not be asked for its status",
        "{node} の状態を問い合わせることができません",
    ),
    "node.move-did-not-end": ("a move to {standby} did not end", "{standby} への移動が完了していません"),
    "node.as-after-a-reboot": ("as after a reboot", "再起動後の状態です"),
}
