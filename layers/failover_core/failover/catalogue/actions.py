"""What to do about a finding of readiness."""

ACTIONS: dict[str, tuple[str, str]] = {
    "action.execution-at-work": (
        "Look again when it has ended.",
        "実行の終了後に再び確認してください。",
    ),
    "action.lock-left-over": (
        "Nothing for now: the next execution takes it over. See there why the last one could not end properly.",
        "対応は不要です。次の実行がロックを引き継ぎます。前回の実行が正常に終了しなかった理由は、次の実行で確認してください。",
    ),
    "action.move-unfinished": (
        "If no execution is at work: start the failover workflow by hand with {{}}; it finishes the move or says why it cannot.",
        "動作中の実行がない場合は、入力 {{}} で failover ワークフローを手動で開始してください。移動を完了させるか、できない理由を通知します。",
    ),
    "action.maintenance-on": (
        'End it when the work is done: invoke set-maintenance with {{"minutes": 0}}.',
        '作業が終わったら、入力 {{"minutes": 0}} で set-maintenance を呼び出し、メンテナンスを終了してください。',
    ),
    "action.interval-running": (
        "Find out why the first one was needed.",
        "前回のフェイルオーバーの原因を調べてください。",
    ),
    "action.roles-disagree": (
        "Find out which node holds the newest data and demote the other (garoon-node demote).",
        "どちらのノードに最新のデータがあるかを調べ、もう一方を降格してください（`garoon-node demote`）。",
    ),
    "action.active-not-serving": (
        "Start the failover workflow by hand with {{}}: it restarts in place what is down.",
        "入力 {{}} で failover ワークフローを手動で開始してください。停止しているものをその場で再起動します。",
    ),
    "action.role-not-noted": (
        "Run `garoon-node promote` on {active}; what works is left alone.",
        "{active} で `garoon-node promote` を実行してください。動作中のものには影響しません。",
    ),
    "action.replica-stale": (
        "If it resyncs: wait. If it is apart or its data is unusable: rejoin the node (docs/operations.md).",
        "`resyncing` の場合は待ってください。`apart` の場合、またはデータが `unusable` の場合は、ノードを復帰させてください（docs/operations.ja.md を参照）。",
    ),
    "action.replica-not-connected": (
        "Check eth1 and replication on both nodes (docs/replication.md); if one is apart, rejoin the standby.",
        "両方のノードの eth1 とレプリケーションを確認してください（docs/replication.md を参照）。どちらかが `apart` の場合は、スタンバイを復帰させてください。",
    ),
    "action.protocol-differs": (
        "If replication's configuration file is the stack's own, apply the associations in State Manager. In one of your own, set protocol {wanted} on both nodes (docs/operations.md); or correct ReplicationProtocol.",
        "設定ファイルがスタックのものであれば、State Manager で関連付けを適用してください。独自のファイルの場合は、両方のノードでプロトコル {wanted} を設定してください（docs/operations.ja.md を参照）。または、ReplicationProtocol を修正してください。",
    ),
    "action.replication-word-missing": (
        "Check replication, garoon-node-watch and the CloudWatch agent on {active}.",
        "{active} のレプリケーション、garoon-node-watch、CloudWatch エージェントを確認してください。",
    ),
    "action.node-off": (
        "Find out why, start the instance, and see that {node} becomes an up-to-date standby.",
        "原因を調べてインスタンスを起動し、{node} が最新のスタンバイになることを確認してください。",
    ),
    "action.node-gone": (
        'Give {node} a successor (docs/operations.md, "A node is lost for good").',
        "{node} の後継のノードを用意してください（docs/operations.ja.md の「ノードが永久に失われた」を参照）。",
    ),
    "action.instance-unknown": (
        'Correct the parameter, or see docs/operations.md, "A node is lost for good".',
        "パラメータを修正するか、docs/operations.ja.md の「ノードが永久に失われた」を参照してください。",
    ),
    "action.node-silent": (
        "Check the SSM Agent on {node} and its path to Systems Manager (NAT gateway, security groups, roles).",
        "{node} の SSM Agent と、Systems Manager への経路（NAT ゲートウェイ、セキュリティグループ、ロール）を確認してください。",
    ),
    "action.look-failed": (
        "Look again in a minute. If it stays so, see on {node} what keeps a command from running (memory, a full disk) and whether replication answers (docs/replication.md).",
        "1 分後に再び確認してください。変わらない場合は、{node} でコマンドの実行を妨げているもの（メモリ、ディスクの空き容量）と、レプリケーションが応答するか（docs/replication.md を参照）を確認してください。",
    ),
    "action.unwritable": (
        "On {node}: `df` and `df -i`; make room, or see why the file system is read-only (`dmesg`).",
        "{node} で `df` と `df -i` を実行して空き容量を確保するか、ファイルシステムが読み取り専用になった原因を調べてください（`dmesg`）。",
    ),
    "action.status-check-failed": (
        "See in the EC2 console which check; stopping and starting the instance moves it to other hardware.",
        "失敗したチェックを EC2 コンソールで確認してください。インスタンスを停止して起動すると、別のハードウェアに移動します。",
    ),
    "action.fenced-node-runs": (
        "Rejoin {node} (docs/operations.md).",
        "{node} を復帰させてください（docs/operations.ja.md を参照）。",
    ),
    "action.heartbeat-missing": (
        "Check the CloudWatch agent and garoon-node-watch.service on {node}.",
        "{node} の CloudWatch エージェントと garoon-node-watch.service を確認してください。",
    ),
    "action.agent-not-installed": (
        "Install it, 1.300071 or newer, and then apply the association of {node} (docs/operations.md, The CloudWatch agent).",
        "1.300071 以降をインストールしてから、{node} の関連付けを適用してください（docs/operations.ja.md の「CloudWatch エージェント」を参照）。",
    ),
    "action.agent-lost-our-part": (
        "Use `append-config`; now apply the association of {node} (docs/operations.md, The CloudWatch agent).",
        "今後は `append-config` を使用してください。{node} の関連付けを適用してください（docs/operations.ja.md の「CloudWatch エージェント」を参照）。",
    ),
    "action.agent-not-running": (
        "See on {node} why (`systemctl status amazon-cloudwatch-agent`), start it, or apply the association of {node} (docs/operations.md, The CloudWatch agent).",
        "{node} で原因を調べて（`systemctl status amazon-cloudwatch-agent`）起動するか、{node} の関連付けを適用してください（docs/operations.ja.md の「CloudWatch エージェント」を参照）。",
    ),
    "action.agent-may-stall": (
        "Install 1.300071 or newer on {node}; a failure is noticed more slowly until then.",
        "{node} に 1.300071 以降をインストールしてください。それまで、障害の検知が遅くなることがあります。",
    ),
    "action.path-lost": (
        "Check the interface on both nodes, the subnets' routes and network ACLs, the security group, and sshd, whose greeting shows that a path is alive.",
        "両方のノードのインターフェイス、サブネットのルートとネットワーク ACL、セキュリティグループ、sshd（その応答で経路を確認します）を確認してください。",
    ),
    "action.epoch-ahead": (
        "Nothing if the cluster table was made anew. If it was not, find out who else moves this cluster.",
        "クラスターのテーブルを作り直した場合、対応は不要です。作り直していない場合は、ほかに何がこのクラスターの役割を移動しているかを調べてください。",
    ),
    "action.clock-wrong": (
        "On {node}: `chronyc tracking`; chrony must run and follow the Amazon Time Sync Service (169.254.169.123).",
        "{node} で `chronyc tracking` を実行し、chrony が動作して Amazon Time Sync Service（169.254.169.123）に同期していることを確認してください。",
    ),
    "action.other-script-runs": (
        "Deploy the stack again, and see the document's versions: `aws ssm list-document-versions --name {document}`.",
        "スタックを再びデプロイし、ドキュメントのバージョンを `aws ssm list-document-versions --name {document}` で確認してください。",
    ),
    "action.script-differs": (
        "In State Manager, apply the association of {node} now, and see why it failed before.",
        "State Manager で {node} の関連付けを適用し、前回失敗した原因を調べてください。",
    ),
    "action.mounted-by-fstab": (
        "Remove the line from /etc/fstab on {node}, or give it the option noauto.",
        "{node} の /etc/fstab からその行を削除するか、オプション `noauto` を付けてください。",
    ),
    "action.nfs-not-ready": (
        "See on {node} why nfs-server.service is not up (systemctl status nfs-server); then run the stack's install association again, which starts it.",
        "{node} で nfs-server.service が起動していない原因を調べてください（`systemctl status nfs-server`）。その後、スタックの関連付けを再び適用すると起動します。",
    ),
    "action.host-blocked": (
        "Run FLUSH HOSTS on the database (MySQL 8.4: TRUNCATE TABLE performance_schema.host_cache), and find what on {node} opens connections and breaks them off.",
        "データベースで `FLUSH HOSTS` を実行し（MySQL 8.4 では `TRUNCATE TABLE performance_schema.host_cache`）、{node} で接続を中断しているものを調べてください。",
    ),
    "action.hosts-missing": (
        "Add the addresses of both nodes and of the App servers to /etc/hosts on {node}.",
        "{node} の /etc/hosts に、両方のノードと App サーバーのアドレスを追加してください。",
    ),
    "action.source-dest-check-on": (
        "Switch it off in the EC2 console (a failover to this node does so too).",
        "EC2 コンソールで無効にしてください（このノードへのフェイルオーバー時にも無効になります）。",
    ),
    "action.node-isolated": (
        "Give the subnet back the network ACL that it had (VPC console: Edit network ACL association).",
        "サブネットを元のネットワーク ACL に戻してください（VPC コンソールの「ネットワーク ACL の関連付けを編集」）。",
    ),
    "action.subnet-shared": (
        "Move the other interface to another subnet, or correct the stack's parameters.",
        "ほかのインターフェイスを別のサブネットに移すか、スタックのパラメータを修正してください。",
    ),
    "action.can-hibernate": (
        "Hibernation can be set only at launch: launch the node anew without it. Until then nobody may stop it with the option Hibernate.",
        "休止は起動時にのみ設定できます。休止を無効にしてノードを作り直してください。それまで、休止オプションで停止しないでください。",
    ),
    "action.stop-protected": (
        "aws ec2 modify-instance-attribute --no-disable-api-stop --instance-id {instance_id}",
        "次を実行してください: `aws ec2 modify-instance-attribute --no-disable-api-stop --instance-id {instance_id}`",
    ),
    "action.interface-elsewhere": (
        "Correct the stack's parameters, or attach the interface.",
        "スタックのパラメータを修正するか、インターフェイスをアタッチしてください。",
    ),
    "action.volume-elsewhere": (
        "Correct the stack's parameters, or attach the volume to {node}.",
        "スタックのパラメータを修正するか、ボリュームを {node} にアタッチしてください。",
    ),
    "action.route-missing": (
        "Start the failover workflow by hand with {{}}: it makes the entry. Or correct RouteTableIds.",
        "入力 {{}} で failover ワークフローを手動で開始すると、ルートが作成されます。または RouteTableIds を修正してください。",
    ),
    "action.route-propagated": (
        "Find out who advertises the virtual IP, and stop it: only this stack may.",
        "仮想 IP を広告しているものを調べて停止してください。広告してよいのはこのスタックだけです。",
    ),
    "action.isolation-acl-unfit": (
        "Remove from it every entry of your own. {put_back}",
        "追加したエントリをすべて削除してください。{put_back}",
    ),
    "action.route-wrong": (
        "It is repaired within a minute, unless maintenance is on. Find out who changed it.",
        "メンテナンス中でなければ、1 分以内に修復されます。変更した人を調べてください。",
    ),
    "action.table-unconfigured": (
        "Add them to RouteTableIds and deploy, or remove the entry.",
        "RouteTableIds に追加してデプロイするか、ルートを削除してください。",
    ),
    "action.too-few-targets": (
        "Look at the App servers behind the load balancer.",
        "ロードバランサーの App サーバーを確認してください。",
    ),
    "action.target-unhealthy": (
        "Look at these App servers.",
        "これらの App サーバーを確認してください。",
    ),
    "action.target-check-slow": (
        "Set the target group's interval times its healthy threshold to {longest} s at most, e.g. every 10 s and 2 checks.",
        "ターゲットグループの間隔と正常のしきい値の積を {longest} 秒以下にしてください（例: 10 秒間隔で 2 回）。",
    ),
    "action.alarms-muted": (
        "aws cloudwatch enable-alarm-actions --alarm-names {alarms}",
        "次を実行してください: `aws cloudwatch enable-alarm-actions --alarm-names {alarms}`",
    ),
    "action.alarms-muted-by-rule": (
        "See in the CloudWatch console, Alarms, Mute rules, whose it is and how long it lasts.",
        "CloudWatch コンソールの「アラーム」の「ミュートルール」で、作成者と期間を確認してください。",
    ),
    "action.alarms-in-trouble": (
        "EVALUATION_ERROR: read the alarm's state reason, and deploy or put back what is missing. EVALUATION_FAILURE: watch the nodes yourself until CloudWatch is well again.",
        "`EVALUATION_ERROR` の場合は、アラームの状態の理由を確認し、デプロイするか、不足しているものを元に戻してください。`EVALUATION_FAILURE` の場合は、CloudWatch が復旧するまでノードを直接監視してください。",
    ),
    "action.nobody-told": (
        "Click on the link in the mail from AWS Notifications, or subscribe (the stack's output NotificationTopicArn).",
        "AWS Notifications からのメールのリンクを開くか、サブスクリプションを作成してください（スタックの出力 NotificationTopicArn）。",
    ),
    "action.rules-off": (
        "Switch on in the EventBridge console those that are off. {put_back}",
        "無効なルールは EventBridge コンソールで有効にしてください。{put_back}",
    ),
    "action.events-undelivered": (
        "Read them in the SQS console: the attribute ERROR_CODE says why. Delete them when it is put right.",
        "SQS コンソールで確認してください。原因は属性 ERROR_CODE にあります。修復後に削除してください。",
    ),
    "action.rehearsal-failed": (
        "A function that Lambda is initializing had slept, and is awake at the next look. Anything else: deploy the stack again. {put_back}",
        "Lambda が初期化中の関数は休眠していたもので、次回の確認までに動作します。それ以外の場合は、スタックを再びデプロイしてください。{put_back}",
    ),
    "action.service-stopped": (
        "Read its log on {active} and start it there.",
        "{active} でログを確認し、起動してください。",
    ),
    "action.configuration-differs": (
        "In State Manager, read why the association of {node} was refused, put that right, and apply it again; or take it out of /etc/garoon-node.local.conf on {node}.",
        "State Manager で {node} の関連付けが拒否された理由を確認し、修復してから再び適用してください。または {node} の /etc/garoon-node.local.conf から削除してください。",
    ),
    "action.services-start-at-boot": (
        "On {node}: {commands} (or systemctl disable).",
        "{node} で `{commands}`（または `systemctl disable`）を実行してください。",
    ),
    "action.service-missing": (
        "Copy it from the other node to {node}, or correct the parameter Services.",
        "もう一方のノードから {node} にコピーするか、パラメータ Services を修正してください。",
    ),
    "action.service-not-configured": (
        "Name it in Services and deploy; or remove it where it is of no use any more.",
        "Services に追加してデプロイするか、不要であれば削除してください。",
    ),
    "action.port-differs": (
        "Correct the parameter DatabasePort and deploy, or the port in the database's my.ini.",
        "パラメータ DatabasePort を修正してデプロイするか、データベースの my.ini のポートを修正してください。",
    ),
    "action.export-missing-on-standby": (
        "Name it in the parameter Exports, with a number of its own, and deploy.",
        "パラメータ Exports に、固有の番号を付けて追加し、デプロイしてください。",
    ),
    "action.unknown": (
        "Look again in a few minutes. If it stays so: the sentence above says what was refused.",
        "数分後に再び確認してください。変わらない場合は、上記の理由を参照してください。",
    ),
    "action.put-back": (
        "What was deleted does not come back with `sam deploy`, which only sees that the template has not changed: make a change set that reverts drift (docs/operations.md, Put back what somebody deleted or changed).",
        "削除されたものは `sam deploy` では元に戻りません（テンプレートに変更がないため）。ドリフトを戻す変更セットを作成してください（docs/operations.ja.md の「誰かが削除または変更したものを元に戻す」を参照）。",
    ),
}
