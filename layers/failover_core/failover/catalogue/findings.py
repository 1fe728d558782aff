"""What a failover would miss: the findings of readiness."""

FINDINGS: dict[str, tuple[str, str]] = {
    "finding.execution-at-work": (
        "An execution is changing the cluster just now; other findings may be its unfinished work.",
        "実行がクラスターを変更中です。ほかの検出事項は、その途中の状態である可能性があります。",
    ),
    "finding.lock-left-over": (
        "The cluster's lock belongs to an execution that has ended or had its time, and was not given back.",
        "クラスターのロックの所有者は、終了したか期限を過ぎた実行です。ロックは返却されていません。",
    ),
    "finding.move-unfinished": (
        "A move of the active role to {standby} was begun and its end is not recorded.",
        "{standby} への役割の移動が始まり、終了が記録されていません。",
    ),
    "finding.maintenance-on": (
        "Maintenance is on until {until}: nothing happens by itself.",
        "{until} までメンテナンス中です。自動処理は行われません。",
    ),
    "finding.interval-running": (
        "An automatic failover ended a short while ago: until {ends} UTC another one needs an operator.",
        "自動フェイルオーバーの直後です。{ends} UTC までは、次のフェイルオーバーに運用者の操作が必要です。",
    ),
    "finding.roles-disagree": (
        "The record says that {active} is active, but {standby} is not a standby: its replica is {role}, the volume {mount}.",
        "記録では {active} がアクティブですが、{standby} がスタンバイではありません。レプリカは {role}、ボリュームは{mount}です。",
    ),
    "finding.active-demoted": (
        "{active} is active and does not serve: it is demoted ({replication}).",
        "アクティブノード {active} がサービスを提供していません。降格しています（{replication}）。",
    ),
    "finding.active-not-serving": (
        "{active} is active and does not serve: {trouble}.",
        "アクティブノード {active} がサービスを提供していません: {trouble}。",
    ),
    "finding.role-not-noted": (
        "{active} is in service without knowing that it is the active node: it does not tell when its services fail, and after a crash it would follow its peer at once.",
        "{active} はサービスを提供していますが、自身がアクティブノードであることを認識していません。サービスの障害を報告せず、異常終了後はすぐに相手ノードに追従します。",
    ),
    "finding.replica-stale": (
        "The replica of {standby} is not up to date: {replication}.",
        "{standby} のレプリカが最新ではありません: {replication}。",
    ),
    "finding.replica-not-connected": (
        "{standby} does not receive what {active} writes ({replication}), and falls further behind with each write.",
        "{standby} は {active} の書き込みを受信していません（{replication}）。書き込みのたびに差が広がります。",
    ),
    "finding.protocol-not-C": (
        "{node} replicates with protocol {runs}, and the stack's ReplicationProtocol is C: a failover may lose what was acknowledged last.",
        "{node} のレプリケーションはプロトコル {runs} で動作していますが、スタックの ReplicationProtocol は C です。フェイルオーバーで、応答済みの最後の書き込みが失われる可能性があります。",
    ),
    "finding.protocol-not-A": (
        "{node} replicates with protocol {runs}, and the stack's ReplicationProtocol is A: each write waits for the other node.",
        "{node} のレプリケーションはプロトコル {runs} で動作していますが、スタックの ReplicationProtocol は A です。書き込みのたびに相手ノードを待ちます。",
    ),
    "finding.replication-word-missing": (
        "CloudWatch holds no good word of {active} about its replication (the alarm replication-degraded is {state}), without which no standby is promoted once {active} is dead.",
        "CloudWatch に、{active} のレプリケーションが正常であるという報告がありません（アラーム replication-degraded の状態は {state}）。報告がないまま {active} が停止すると、スタンバイを昇格できません。",
    ),
    "finding.node-off": (
        "The instance of {node} is {state}.",
        "{node} のインスタンスは{state}です。",
    ),
    "finding.node-off-since-its-fence": (
        "The instance of {node} is {state} since it was fenced.",
        "{node} のインスタンスは、切り離された後、{state}です。",
    ),
    "finding.instance-unknown": (
        "EC2 does not know {instance_id}, the configured instance of {node}: it was terminated more than an hour ago, or the parameter is wrong.",
        "{node} に設定されたインスタンス {instance_id} が EC2 に存在しません。終了から 1 時間以上経過しているか、パラメータが誤っています。",
    ),
    "finding.node-silent": (
        "{node} does not answer over Run Command.",
        "{node} が Run Command に応答しません。",
    ),
    "finding.look-failed": (
        "{node} could not see this of itself: {parts}.",
        "{node} は自身の次の状態を確認できません: {parts}。",
    ),
    "finding.unwritable": (
        "On {node} nothing can be written to {pair}, which an order of the controller or Garoon's start needs.",
        "{node} で {pair} に書き込めません。コントローラーの命令または Garoon の起動に必要です。",
    ),
    "finding.status-check-failed": (
        "EC2's status checks of {node} fail.",
        "{node} の EC2 ステータスチェックが失敗しています。",
    ),
    "finding.fenced-node-runs": (
        "{node} was fenced, runs again, and is not yet recorded as rejoined.",
        "切り離された {node} が再び実行中ですが、復帰が記録されていません。",
    ),
    "finding.heartbeat-missing": (
        "{node} answers, but its heartbeat does not arrive in CloudWatch (the alarm is {state}): its failure would not be noticed by it, and what it last said of its replica may be old.",
        "{node} は応答していますが、ハートビートが CloudWatch に届いていません（アラームの状態は {state}）。障害をハートビートで検知できず、レプリカの最後の報告も古い可能性があります。",
    ),
    "finding.agent-not-installed": (
        "The CloudWatch agent of {node} is not installed: no heartbeat, no sign and no word on replication leaves it.",
        "{node} に CloudWatch エージェントがインストールされていません。ハートビート、サイン、レプリケーションの報告が送信されません。",
    ),
    "finding.agent-lost-our-part": (
        "The CloudWatch agent of {node} has lost what garoon-node configured, as `fetch-config` makes it: no heartbeat, no sign and no word on replication leaves it.",
        "{node} の CloudWatch エージェントから garoon-node の設定が失われています（`fetch-config` を実行すると失われます）。ハートビート、サイン、レプリケーションの報告が送信されません。",
    ),
    "finding.agent-not-running": (
        "The CloudWatch agent of {node} does not run: no heartbeat, no sign and no word on replication leaves it.",
        "{node} の CloudWatch エージェントが動作していません。ハートビート、サイン、レプリケーションの報告が送信されません。",
    ),
    "finding.agent-may-stall": (
        "The CloudWatch agent of {node} is {version}: it can stop sending a quiet log, such as the node's signs, for ever.",
        "{node} の CloudWatch エージェントはバージョン {version} です。更新の少ないログ（ノードのサインなど）の送信が停止したままになることがあります。",
    ),
    "finding.path-lost": (
        "{node} does not reach {peer} over {pair}.",
        "{node} から {peer} に {pair} で接続できません。",
    ),
    "finding.epoch-ahead": (
        "{node} has obeyed epoch {epoch}, and the record is at {recorded}: {node} will refuse one order, whereupon the record goes on above it.",
        "{node} はエポック {epoch} の命令に従いましたが、記録は {recorded} です。{node} は命令を 1 回拒否し、その後、記録はそれを超える値から続きます。",
    ),
    "finding.clock-ahead": (
        "The clock of {node} is {seconds:.0f} s ahead. Orders are timed by it, but each is asked for twice until it is right, and the nodes' logs do not fit together.",
        "{node} の時計が {seconds:.0f} 秒進んでいます。命令には期限があり、修正されるまで各命令が 2 回必要になります。両方のノードのログの時刻も一致しません。",
    ),
    "finding.clock-behind": (
        "The clock of {node} is {seconds:.0f} s behind. Orders are timed by it, but each is asked for twice until it is right, and the nodes' logs do not fit together.",
        "{node} の時計が {seconds:.0f} 秒遅れています。命令には期限があり、修正されるまで各命令が 2 回必要になります。両方のノードのログの時刻も一致しません。",
    ),
    "finding.other-script-runs": (
        "Run Command runs another garoon-node on {node} ({version}) than the stack was deployed with ({digest}).",
        "{node} の Run Command が実行する garoon-node（{version}）は、スタックがデプロイされたときのもの（{digest}）ではありません。",
    ),
    "finding.script-differs": (
        "The garoon-node installed on {node} ({version}) is not the stack's ({digest}): it sends the metrics and acts when the node boots.",
        "{node} にインストールされている garoon-node（{version}）は、スタックのもの（{digest}）ではありません。これがメトリクスを送信し、ノードの起動時に動作します。",
    ),
    "finding.mounted-by-fstab": (
        "/etc/fstab of {node} mounts the replicated volume at boot, which only the active node may do.",
        "{node} の /etc/fstab により、起動時にレプリケーション対象のボリュームがマウントされます。マウントしてよいのはアクティブノードだけです。",
    ),
    "finding.nfs-not-ready": (
        "The NFS server of {node} does not run, or is in its grace period: a takeover would start it first, and may have to wait.",
        "{node} の NFS サーバーが動作していないか、猶予期間中です。引き継ぎの際に先に起動する必要があり、待ち時間が生じることがあります。",
    ),
    "finding.host-blocked": (
        "The database on {peer} refuses every login from {node} (error 1129): too many connections from there were interrupted. A failover would work; what logs in from there, such as dumps, does not.",
        "{peer} のデータベースが、{node} からのログインをすべて拒否しています（エラー 1129）。{node} からの接続が何度も中断されたためです。フェイルオーバーは可能ですが、{node} からのログイン（ダンプなど）はできません。",
    ),
    "finding.hosts-missing": (
        "/etc/hosts on {node} does not name {pair}. Unless the database has skip-name-resolve, it asks a name server, and greets the peer late or not at all while that is silent.",
        "{node} の /etc/hosts に {pair} がありません。データベースに `skip-name-resolve` がない場合、ネームサーバーに問い合わせるため、その応答がない間、相手ノードへの応答が遅れるか、応答できません。",
    ),
    "finding.source-dest-check-on": (
        "The source/dest check of {node}'s eth0 is on, so it drops what is sent to the virtual IP.",
        "{node} の eth0 の送信元/送信先チェックが有効なため、仮想 IP 宛ての通信が破棄されます。",
    ),
    "finding.node-isolated": (
        "{pair} of {node} has the network ACL that denies everything, and {node} is not recorded as fenced.",
        "{node} の {pair} に、すべてを拒否するネットワーク ACL が関連付けられていますが、{node} の切り離しは記録されていません。",
    ),
    "finding.subnet-shared": (
        "{node} would not be isolated, because {why}: the stop alone would fence it, which is slower and has no end when its Availability Zone is lost.",
        "{node} を隔離できません（{why}）。切り離しはインスタンスの停止だけになり、時間がかかります。アベイラビリティーゾーンの障害時には完了しません。",
    ),
    "finding.can-hibernate": (
        "The instance of {node} can be hibernated: then `stopped` proves nothing, for once it is started it goes on as it was, primary and in service, beside the node that has taken its role.",
        "{node} のインスタンスで休止が有効です。休止状態の「停止済み」は証明になりません。起動すると元の状態（プライマリ、サービス提供中）で再開し、役割を引き継いだノードと競合します。",
    ),
    "finding.stop-protected-isolated": (
        "The stop protection of {node}'s instance is on: once isolated it would not be stopped, and could not rejoin until somebody stops it.",
        "{node} のインスタンスの停止保護が有効です。隔離後に停止できず、手動で停止するまで復帰できません。",
    ),
    "finding.stop-protected-unproven": (
        "The stop protection of {node}'s instance is on: its fence could not be proven, and a failover would halt.",
        "{node} のインスタンスの停止保護が有効です。切り離しを証明できず、フェイルオーバーは停止します。",
    ),
    "finding.interface-elsewhere": (
        "{why_not}: the routes would lead to the wrong place.",
        "{why_not}。このため、ルートが誤った宛先を指します。",
    ),
    "finding.volume-elsewhere": (
        "{why_not}: what {node} alone holds after a failover could not be kept, so it would not rejoin.",
        "{why_not}。このため、フェイルオーバー後に {node} だけが持つデータを保存できず、復帰できません。",
    ),
    "finding.route-missing": (
        "The virtual IP has no entry in {names}.",
        "{names} に仮想 IP のルートがありません。",
    ),
    "finding.route-propagated": (
        "A gateway or a route server propagates a route to the virtual IP into {names}. The stack's own entry goes first; should it ever be missing, clients are sent elsewhere without a word.",
        "ゲートウェイまたはルートサーバーが、仮想 IP へのルートを {names} に伝播しています。スタックのルートが優先されますが、それが失われると、通知なしに別の宛先に送信されます。",
    ),
    "finding.isolation-acl-unfit": (
        "No node would be isolated, because {why}: the stop alone would fence it, which is slower and has no end when its Availability Zone is lost.",
        "どのノードも隔離できません（{why}）。切り離しはインスタンスの停止だけになり、時間がかかります。アベイラビリティーゾーンの障害時には完了しません。",
    ),
    "finding.route-wrong": (
        "The virtual IP's entry in {names} does not point to the active node {active}.",
        "{names} の仮想 IP のルートが、アクティブノード {active} を指していません。",
    ),
    "finding.table-unconfigured": (
        "{names} carry the virtual IP too and are not in RouteTableIds: a failover would leave their clients with the dead node.",
        "{names} にも仮想 IP のルートがありますが、RouteTableIds にありません。フェイルオーバー後も、そのクライアントは停止したノードに接続します。",
    ),
    "finding.too-few-targets": (
        "{healthy} targets of the load balancer are healthy, and {wanted} must be.",
        "ロードバランサーの正常なターゲットは {healthy} 個です（{wanted} 個必要です）。",
    ),
    "finding.target-unhealthy": (
        "Of the load balancer's targets, {names}.",
        "ロードバランサーのターゲットに異常があります: {names}。",
    ),
    "finding.target-check-slow": (
        "The load balancer needs {seconds_until_healthy} s ({healthy_threshold} checks, one every {interval_seconds} s) to see that a target serves again, and {seconds_until_unhealthy} s to see that it does not; the outage lasts so much longer.",
        "ロードバランサーは、ターゲットの復旧を検知するまでに {seconds_until_healthy} 秒（{interval_seconds} 秒間隔で {healthy_threshold} 回）、異常を検知するまでに {seconds_until_unhealthy} 秒かかります。その分、停止時間が長くなります。",
    ),
    "finding.alarms-missing": (
        "Alarms of the stack do not exist: {names}.",
        "スタックのアラームがありません: {names}。",
    ),
    "finding.alarms-muted": (
        "The actions of these alarms are off, so they notify nobody: {names}.",
        "次のアラームのアクションが無効なため、通知されません: {names}。",
    ),
    "finding.alarms-muted-by-rule": (
        "A mute rule of CloudWatch's mutes these alarms now, so they notify nobody: {names}.",
        "次のアラームは CloudWatch のミュートルールにより現在ミュートされ、通知されません: {names}。",
    ),
    "finding.alarms-in-trouble": (
        "CloudWatch cannot evaluate these alarms, so they may notice nothing: {names}.",
        "CloudWatch が次のアラームを評価できないため、異常を検知できない可能性があります: {names}。",
    ),
    "finding.nobody-told": (
        "No subscription of the notification topic is confirmed: nobody is told of anything.",
        "通知トピックに確認済みのサブスクリプションがありません。誰にも通知されません。",
    ),
    "finding.nobody-could-confirm": (
        "No subscription of the notification topic is confirmed: nobody could confirm a failover.",
        "通知トピックに確認済みのサブスクリプションがありません。フェイルオーバーを承認できる人がいません。",
    ),
    "finding.rules-off": (
        "EventBridge rules of the stack are off or do not exist: {names}.",
        "スタックの EventBridge ルールが無効か、存在しません: {names}。",
    ),
    "finding.events-undelivered": (
        "{count} events could not be delivered and lie in the dead-letter queue.",
        "配信できなかったイベントが {count} 件、デッドレターキューにあります。",
    ),
    "finding.rehearsal-failed": (
        "Functions that a failover needs would not work now: {sentences}",
        "フェイルオーバーに必要な次の関数が、現在動作しません: {sentences}",
    ),
    "finding.service-stopped": (
        "On {active} {names} does not run. By the parameter Services its failure only warns: Garoon serves, and nothing restarts it.",
        "{active} で {names} が動作していません。パラメータ Services で警告のみに設定されているため、Garoon のサービスは続き、自動では再起動しません。",
    ),
    "finding.configuration-differs": (
        "{node} does not go by the stack's parameters: {names}.",
        "{node} の設定がスタックのパラメータと異なります: {names}。",
    ),
    "finding.services-start-at-boot": (
        "Garoon's services would be started by the system when {node} boots, also as a standby.",
        "{node} の起動時に、スタンバイの場合でも、システムが Garoon のサービスを起動します。",
    ),
    "finding.service-missing": (
        "{node} cannot start what Services names: {names} is not there, or is no program.",
        "{node} は、Services で指定された次のサービスを起動できません。存在しないか、実行できません: {names}。",
    ),
    "finding.service-not-configured": (
        "On {node} there is what looks like a service of Garoon's and is not in the parameter Services: {names}. Nobody would start it after a failover.",
        "{node} に、Garoon のサービスと思われるもので、パラメータ Services にないものがあります: {names}。フェイルオーバー後に起動されません。",
    ),
    "finding.port-differs": (
        "The database's settings on the volume of {node} have the port {names}, and the parameter DatabasePort is {port}: once it is started anew, it would not be found there.",
        "{node} のボリューム上のデータベースの設定ではポートが {names} ですが、パラメータ DatabasePort は {port} です。再起動すると接続できなくなります。",
    ),
    "finding.export-missing-on-standby": (
        "{active} exports {names} of the volume, and {node} would not after a failover: its Exports do not name it.",
        "{active} はボリュームの {names} をエクスポートしていますが、{node} の Exports にないため、フェイルオーバー後はエクスポートされません。",
    ),
    "finding.unknown": (
        "{what} could not be seen: {why}",
        "{what}を確認できません: {why}",
    ),
    "finding.unknown-of": (
        "{what} of {about} could not be seen: {why}",
        "{about} の{what}を確認できません: {why}",
    ),
    "ready.would-work": (
        "A failover would work now.",
        "現在、フェイルオーバーできます。",
    ),
    "ready.with-warnings": (
        "A failover would work now, with {count} warnings.",
        "現在、フェイルオーバーできます（警告 {count} 件）。",
    ),
    "ready.would-not-work": (
        "A failover would not work now: {finding}",
        "現在、フェイルオーバーできません: {finding}",
    ),
    "ready.would-not-work-and-more": (
        "A failover would not work now: {finding} And {count} more.",
        "現在、フェイルオーバーできません: {finding}ほかに {count} 件あります。",
    ),
    "mount.is-mounted": (
        "is mounted",
        "マウント済み",
    ),
    "mount.is-not-mounted": (
        "is not mounted",
        "未マウント",
    ),
    "mount.could-not-be-seen": (
        "could not be seen",
        "確認できない状態",
    ),
    "node.unseen.agent": (
        "whether the CloudWatch agent runs",
        "CloudWatch エージェントの動作",
    ),
    "target.is": (
        "{target} is {state}",
        "{target} は {state}",
    ),
    "rehearsal.trouble": (
        "{step}: {sentences}",
        "{step}: {sentences}",
    ),
    "configured.is-not": (
        "{name} is {words}, not {wanted}",
        "{name} は「{words}」（パラメータは {wanted}）",
    ),
    "source.record": (
        "The cluster record",
        "クラスターの記録",
    ),
    "source.is-lock-owner-over": (
        "The execution that holds the lock",
        "ロックを所有する実行",
    ),
    "source.machines": (
        "The instance",
        "インスタンス",
    ),
    "source.statuses": (
        "The node's state",
        "ノードの状態",
    ),
    "source.probes": (
        "What the node sees of its peer",
        "相手ノードの見え方",
    ),
    "source.surveys": (
        "What is installed on the node",
        "インストールされているもの",
    ),
    "source.interfaces": (
        "The node's eth0 interface",
        "eth0 インターフェイス",
    ),
    "source.volumes": (
        "The node's data volume",
        "データボリューム",
    ),
    "source.isolated-subnets": (
        "The network ACLs of the subnets",
        "サブネットのネットワーク ACL",
    ),
    "source.alone": (
        "What else is in the subnets",
        "サブネットにあるほかのもの",
    ),
    "source.isolation-acl": (
        "The network ACL that isolates a node",
        "隔離用のネットワーク ACL",
    ),
    "source.stop-protection": (
        "The stop protection of the instance",
        "インスタンスの停止保護",
    ),
    "source.hibernation": (
        "The hibernation setting of the instance",
        "インスタンスの休止の設定",
    ),
    "source.routes": (
        "The virtual IP's routes",
        "仮想 IP のルート",
    ),
    "source.unconfigured-tables": (
        "The VPC's other route tables",
        "VPC のほかのルートテーブル",
    ),
    "source.targets": (
        "The load balancer's targets",
        "ロードバランサーのターゲット",
    ),
    "source.target-check": (
        "The target group's health check",
        "ターゲットグループのヘルスチェック",
    ),
    "source.alarms": (
        "The stack's alarms",
        "スタックのアラーム",
    ),
    "source.rules": (
        "The EventBridge rule",
        "EventBridge ルール",
    ),
    "source.muted-alarms": (
        "CloudWatch's rules that mute alarms",
        "CloudWatch のミュートルール",
    ),
    "source.undelivered": (
        "The dead-letter queue",
        "デッドレターキュー",
    ),
    "source.subscribers": (
        "The notification topic's subscriptions",
        "通知トピックのサブスクリプション",
    ),
    "source.rehearsal": (
        "Whether the stack's functions would work",
        "スタックの関数の動作",
    ),
}
