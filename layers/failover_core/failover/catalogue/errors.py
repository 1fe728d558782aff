"""Why a step did not do what it was to do, and what is proven or not."""

ERRORS: dict[str, tuple[str, str]] = {
    "error.aws-unreachable": (
        "AWS could not be reached: {cause}.",
        "AWS に接続できません: 「{cause}」。",
    ),
    "error.record-unreadable": (
        "The item {cluster_name} of {cluster_table} cannot be read: {words}. Correct it.",
        "{cluster_table} の項目 {cluster_name} を読み取れません: 「{words}」。修正してください。",
    ),
    "error.lock-held": (
        "Another execution is changing the cluster; this one does nothing.",
        "別の実行がクラスターを変更中のため、この実行は何も行いません。",
    ),
    "error.cannot-start-now": (
        "EC2 cannot start {instance_id} of {node} just now: {cause}.",
        "現在、EC2 は {node} の {instance_id} を起動できません: 「{cause}」。",
    ),
    "proof.subnets-isolated": (
        "the subnets of {node} have the network ACL that denies everything",
        "{node} のサブネットに、すべてを拒否するネットワーク ACL が関連付けられています",
    ),
    "proof.acl-open": (
        "the stack's network ACL {acl_id} has an entry that lets something through",
        "スタックのネットワーク ACL {acl_id} に、通信を許可するエントリがあります",
    ),
    "proof.alone": (
        "the subnets of {node} hold its interfaces and nothing else",
        "{node} のサブネットには、そのインターフェイスだけがあります",
    ),
    "error.no-such-subnets": (
        "Subnets of {node} that do not exist: {names}. Correct the parameters.",
        "{node} に設定された次のサブネットが存在しません: {names}。パラメータを修正してください。",
    ),
    "proof.acl-denies": (
        "the network ACL {acl_id} denies everything",
        "ネットワーク ACL {acl_id} はすべてを拒否します",
    ),
    "error.acl-not-recorded": (
        "It is not recorded which network ACL {pair} had before the isolation. Associate the right one by hand, then start this workflow again.",
        "隔離前に {pair} に関連付けられていたネットワーク ACL が記録されていません。正しいものを手動で関連付けてから、このワークフローを再び開始してください。",
    ),
    "proof.other-acl": (
        "the subnet {subnet_id} of {node} has the network ACL {acl_id}",
        "{node} のサブネット {subnet_id} のネットワーク ACL は {acl_id} です",
    ),
    "proof.no-interface": (
        "{node} has no network interface in its configured subnet {subnet_id}",
        "{node} に設定されたサブネット {subnet_id} に、ネットワークインターフェイスがありません",
    ),
    "proof.acl-gone": (
        "the stack's network ACL {acl_id} does not exist any more",
        "スタックのネットワーク ACL {acl_id} が存在しません",
    ),
    "proof.foreign-interface": (
        "the subnet {subnet_id} holds the network interface {name}, which is not one of {node}",
        "サブネット {subnet_id} に、{node} のものではないネットワークインターフェイス {name} があります",
    ),
    "proof.interface-outside": (
        "{node} has the network interface {name} in {subnet_id}, which is not one of its configured subnets",
        "{node} のネットワークインターフェイス {name} が、設定にないサブネット {subnet_id} にあります",
    ),
    "proof.eth0-elsewhere": (
        "eth0 of {node} is in {subnet_id}, and configured to be in {eth0_subnet_id}",
        "{node} の eth0 はサブネット {subnet_id} にありますが、設定では {eth0_subnet_id} です",
    ),
    "error.acl-unsettled": (
        "EC2 does not agree with itself on the network ACL of {subnet_id}: {cause}.",
        "{subnet_id} のネットワーク ACL について、EC2 の情報がまだ一致していません: 「{cause}」。",
    ),
    "error.run-command-ended": (
        "Run Command ended what it was to run on {node} as {words}, which says nothing about the node.",
        "{node} での Run Command の実行が「{words}」で終了しました。ノードの状態は判断できません。",
    ),
    "error.other-machine-answered": (
        "What came back from {instance_id} ({node}) is the word of {other}, which may be a copy of it: it is ignored.",
        "{instance_id}（{node}）からの応答は {other} のものです。コピーの可能性があるため、無視しました。",
    ),
    "error.answer-not-understood": (
        "{node} answered, but not in the words of garoon-node.sh (exit code {exit_code}): {words}.",
        "{node} が応答しましたが、garoon-node.sh の形式ではありません（終了コード {exit_code}）: 「{words}」。",
    ),
    "error.no-such-tables": (
        "Configured route tables that do not exist: {names}. Correct RouteTableIds.",
        "設定された次のルートテーブルが存在しません: {names}。RouteTableIds を修正してください。",
    ),
    "error.interface-not-shown": (
        "EC2 does not show the network interface {eth0_interface_id} of {node}.",
        "EC2 に {node} のネットワークインターフェイス {eth0_interface_id} が表示されません。",
    ),
    "error.routes-would-be-wrong": (
        "{why_not}: the virtual IP's routes would lead to the wrong place, and were left as they are.",
        "{why_not}。仮想 IP のルートが誤った宛先を指すことになるため、変更していません。",
    ),
    "error.routes-unsettled": (
        "EC2 does not agree with itself on {route_table_id}: {cause}.",
        "{route_table_id} について、EC2 の情報がまだ一致していません: 「{cause}」。",
    ),
    "error.no-snapshot-now": (
        "EC2 does not take a snapshot of {data_volume_id} just now: {cause}.",
        "現在、EC2 は {data_volume_id} のスナップショットを作成できません: 「{cause}」。",
    ),
    "error.answer-not-one-of-two": (
        "The answer {words} was not understood; only {yes} and {no} count.",
        "回答「{words}」は無効です。有効な回答は {yes} と {no} だけです。",
    ),
    "error.rehearsal-input": (
        "A rehearsal's input is {words} and nothing beside it. Nothing was done.",
        "予行演習の入力は {words} だけです。何も行っていません。",
    ),
    "error.step-input": (
        "The state machine passed an input that this step does not take: {words}.",
        "ステートマシンから、このステップで使用できない入力が渡されました: 「{words}」。",
    ),
    "error.own-fault": (
        "A fault of the controller's own, {name}; the function's log has its trace.",
        "コントローラー自体の不具合です（{name}）。関数のログにトレースがあります。",
    ),
    "error.not-gone": (
        "EC2 says that {instance_id} is {state}, so it is not gone. If it should be: stop it, or terminate it, then start this workflow with {{}}. Nothing was changed.",
        "EC2 では {instance_id} が{state}であり、失われていません。失われたものとして扱う場合は、停止または終了してから、入力 {{}} でこのワークフローを開始してください。何も変更していません。",
    ),
    "error.too-few-healthy": (
        "{healthy} targets are healthy and {wanted} must be; registered are: {words}.",
        "正常なターゲットは {healthy} 個です（{wanted} 個必要です）。登録されているターゲット: 「{words}」。",
    ),
    "error.still-stopping": (
        "EC2 is still stopping {node}.",
        "EC2 が {node} を停止中です。",
    ),
    "error.demoted-but-mounted": (
        "{node} said that it is demoted, but its status says: {role}, mounted.",
        "{node} は降格したと応答しましたが、状態は {role}、マウント済みです。",
    ),
    "error.demoted-but-unseen": (
        "{node} said that it is demoted, but could not see: {unseen_parts}.",
        "{node} は降格したと応答しましたが、次を確認できません: {unseen_parts}。",
    ),
    "error.fence-method": (
        "FenceMethod is {fence_method}.",
        "FenceMethod は {fence_method} です。",
    ),
    "error.not-fenced-in-time": (
        "After {seconds:.0f} s {node} is still not proven to be fenced: {why_not_fenced}.",
        "{seconds:.0f} 秒が経過しても {node} の切り離しを証明できません: {why_not_fenced}。",
    ),
    "error.cannot-be-fenced": (
        "{node} cannot be proven to be fenced: {why_not_fenced}.",
        "{node} の切り離しを証明できません: {why_not_fenced}。",
    ),
    "error.not-fenced-yet": (
        "{node} is not proven to be fenced yet: {why_not_fenced}.",
        "{node} の切り離しをまだ証明できません: {why_not_fenced}。",
    ),
    "error.active-not-overwritten": (
        "{node} is the active node; only a node that is to follow it is overwritten.",
        "{node} はアクティブノードです。上書きできるのは、追従するノードだけです。",
    ),
    "error.wrong-volume": (
        "{why_not}: a snapshot of it would not hold what {node} holds. None was taken, and nothing of it is overwritten.",
        "{why_not}。スナップショットに {node} のデータが含まれないため、作成せず、何も上書きしていません。",
    ),
    "error.snapshot-not-complete": (
        "The snapshot {snapshot_id} of what {node} holds is not complete yet ({progress}).",
        "{node} のデータのスナップショット {snapshot_id} が完了していません（{progress}）。",
    ),
    "error.snapshot-failed": (
        "The snapshot {snapshot_id} of what {node} holds failed, so nothing of it is overwritten.",
        "{node} のデータのスナップショット {snapshot_id} が失敗したため、何も上書きしていません。",
    ),
    "error.promoted-but-unseen": (
        "{target} said that it is promoted, but could not see: {unseen_parts}.",
        "{target} は昇格したと応答しましたが、次を確認できません: {unseen_parts}。",
    ),
    "error.peer-demoted-but-unseen": (
        "{peer} said that it is demoted, but could not see: {unseen_parts}.",
        "{peer} は降格したと応答しましたが、次を確認できません: {unseen_parts}。",
    ),
    "error.peer-not-harmless": (
        "{peer} is neither stopped nor demoted, so {target} is not promoted.",
        "{peer} が停止も降格もしていないため、{target} を昇格しません。",
    ),
    "proof.demoted": (
        "{peer} is demoted",
        "{peer} は降格しています",
    ),
    "error.out-of-touch-when-demoted": (
        "{active} was out of touch with {target} when it was demoted, so its last writes would be lost if {target} were promoted.",
        "{active} は降格時に {target} と通信できていなかったため、{target} を昇格すると最後の書き込みが失われます。",
    ),
    "error.replication-ended-unknown": (
        "{active} was no longer replicating to {target} when it was last heard, after it had been assessed, and {target} does not say whether it was promoted before that.",
        "判定の後、{active} の最後の報告の時点で {target} へのレプリケーションが途切れていました。{target} がその前に昇格したかどうか不明です。",
    ),
    "error.replication-ended": (
        "{active} was no longer replicating to {target} when it was last heard, after it had been assessed, so data would be lost if {target} were promoted.",
        "判定の後、{active} の最後の報告の時点で {target} へのレプリケーションが途切れていたため、{target} を昇格するとデータが失われます。",
    ),
    "error.not-cut-off-yet": (
        "It is not proven yet that {peer} is cut off: {why}.",
        "{peer} の隔離をまだ証明できません: {why}。",
    ),
    "error.not-promoted-yet": (
        "{target} has not taken the role yet: {words}",
        "{target} はまだ役割を引き継いでいません: 「{words}」",
    ),
    "proof.was-off": (
        "the instance {instance_id}, which EC2 does not know any more, was off, and {how}",
        "インスタンス {instance_id} は EC2 に存在せず、停止が記録されています。また、{how}",
    ),
    "proof.isolated": (
        "{node} is isolated, and {how}",
        "{node} は隔離されています。また、{how}",
    ),
    "proof.shut": (
        "the subnets of {node} have the network ACL that denies everything, and hold nothing else",
        "{node} のサブネットは、すべてを拒否するネットワーク ACL が関連付けられ、ほかに何も含みません",
    ),
    "proof.secondary": (
        "{peer} is demoted, and {target} finds it secondary on the replication link",
        "{peer} は降格しています。{target} もレプリケーションの接続先がセカンダリであることを確認しました",
    ),
    "proof.unseen": (
        "{peer} sees nothing of it",
        "{peer} から接続できません",
    ),
    "proof.off": (
        "EC2 says that the instance {instance_id} of {node} is {state}",
        "EC2 では {node} のインスタンス {instance_id} は{state}です",
    ),
    "proof.not-off": (
        "EC2 does not say that {instance_id} is stopped",
        "EC2 では {instance_id} が停止済みではありません",
    ),
    "proof.not-known": (
        'EC2 does not know {instance_id}, which alone is no proof: if {node} is gone for good, start the failover workflow with {{"peerIsGone": "{instance_id}"}}',
        'EC2 に {instance_id} が存在しませんが、それだけでは証明になりません。{node} が確実に失われている場合は、入力 {{"peerIsGone": "{instance_id}"}} で failover ワークフローを開始してください',
    ),
    "proof.not-known-answers": (
        "EC2 does not know {instance_id}, but it answers",
        "EC2 に {instance_id} が存在しませんが、応答しています",
    ),
    "proof.peer-did-not-say": (
        "{peer} did not say what it sees of {node}",
        "{peer} から {node} の見え方についての応答がありません",
    ),
    "proof.peer-could-not-see": (
        "{peer} could not see whether {node} is still on the network",
        "{peer} は {node} がまだネットワーク上にあるかどうかを確認できません",
    ),
    "proof.peer-still-sees": (
        "{peer} still sees {node} on the network",
        "{peer} からまだ {node} に接続できます",
    ),
    "error.active-follows-nobody": (
        "{node} is the active node; it follows nobody.",
        "{node} はアクティブノードのため、追従する対象がありません。",
    ),
    "error.answers-but-unseen": (
        "{node} answers, but could not see: {unseen_parts}.",
        "{node} は応答しましたが、次を確認できません: {unseen_parts}。",
    ),
    "error.data-not-kept": (
        "{node} may hold writes that nobody else has, and nobody has kept them yet.",
        "{node} だけが持つデータがある可能性がありますが、まだ保存されていません。",
    ),
    "error.gave-way": (
        "{active} does not serve while {node} is waited for. This workflow gave way to the failover workflow; if {node} is catching up, it goes on doing so.",
        "{node} を待つ間に {active} がサービスを停止しました。このワークフローは failover ワークフローに処理を譲りました。{node} が同期中であれば、同期は続きます。",
    ),
    "error.no-standby-until": (
        "{why} Until {node} has caught up, {active} has no standby.",
        "{why}{node} の同期が完了するまで、{active} にスタンバイはありません。",
    ),
    "error.stopped-before-let-in": (
        "{node} is isolated and may still be active: its instance is stopped before it is let in.",
        "{node} は隔離されていますが、まだアクティブの可能性があります。隔離を解除する前にインスタンスを停止します。",
    ),
    "error.instance-is": (
        "The instance of {node} is {state}.",
        "{node} のインスタンスは{state}です。",
    ),
    "error.instance-starting": (
        "The instance of {node} is starting.",
        "{node} のインスタンスを起動しています。",
    ),
    "error.starting-silent": (
        "{node} is starting and does not answer yet.",
        "{node} は起動中で、まだ応答しません。",
    ),
    "error.still-isolated": (
        "Read back, {subnet_id} of {node} is still isolated.",
        "{node} の {subnet_id} がまだ隔離されています。",
    ),
    "error.routes-not-yet": (
        "Read back, the virtual IP does not point to {node} yet in {names}.",
        "{names} の仮想 IP のルートが、まだ {node} を指していません。",
    ),
    "error.verb-silent": (
        "{node} did not answer `garoon-node {verb}` within {timeout_seconds:.0f} s.",
        "{node} が {timeout_seconds:.0f} 秒以内に `garoon-node {verb}` に応答しませんでした。",
    ),
    "error.verb-busy": (
        "{node} is not ready for `garoon-node {verb}`: {words}",
        "{node} は `garoon-node {verb}` を実行できる状態ではありません: 「{words}」",
    ),
    "error.verb-unknown": (
        "`garoon-node {verb}` on {node}: {words}",
        "{node} の `garoon-node {verb}`: 「{words}」",
    ),
    "error.verb-refused": (
        "{node} refused `garoon-node {verb}`: {words}",
        "{node} が `garoon-node {verb}` を拒否しました: 「{words}」",
    ),
    "error.verb-failed": (
        "`garoon-node {verb}` failed on {node}: {words}",
        "{node} で `garoon-node {verb}` が失敗しました: 「{words}」",
    ),
    "error.higher-epoch": (
        "{node} has obeyed a higher epoch than {epoch}, and does not say which.",
        "{node} は {epoch} より大きいエポックに従いましたが、その値を報告していません。",
    ),
    "error.recovery-too-long": (
        "After {seconds:.0f} s (RecoveryTimeoutSeconds is {limit}): {recovering}",
        "{seconds:.0f} 秒が経過しました（RecoveryTimeoutSeconds は {limit}）: {recovering}",
    ),
    "error.lock-lost": (
        "This execution no longer owns the cluster's lock, so it does nothing more.",
        "この実行はクラスターのロックを失ったため、これ以上何も行いません。",
    ),
    "error.catching-up": (
        "{node} is catching up ({replication}).",
        "{node} は同期中です（{replication}）。",
    ),
    "error.catching-up-percent": (
        "{node} is catching up: {percent:.0f} % synchronised.",
        "{node} は同期中です（{percent:.0f} % 同期済み）。",
    ),
    "error.start-but-unseen": (
        "Garoon was started on {node}, but its look at itself failed: {parts}.",
        "{node} で Garoon を起動しましたが、ノード自身の状態を確認できません: {parts}。",
    ),
    "error.restart-but-unseen": (
        "The services of {node} were restarted, but its look at itself failed: {parts}.",
        "{node} のサービスを再起動しましたが、ノード自身の状態を確認できません: {parts}。",
    ),
    "error.start-but-failing": (
        "Garoon was started on {node}, but {parts}.",
        "{node} で Garoon を起動しましたが、異常があります: {parts}。",
    ),
    "error.restart-but-failing": (
        "The services of {node} were restarted, but {parts}.",
        "{node} のサービスを再起動しましたが、異常があります: {parts}。",
    ),
    "error.epoch-goes-on": (
        "{node} has obeyed epoch {obeyed} already: the record, at {epoch}, goes on above it.",
        "{node} はすでにエポック {obeyed} に従っています。記録（{epoch}）は、それを超える値から続けます。",
    ),
    "error.cannot-be-started": (
        "The instance {instance_id} of {node} is {state}, so it cannot be started. If it is lost for good: docs/operations.md says how another one takes its place.",
        "{node} のインスタンス {instance_id} は{state}のため、起動できません。永久に失われた場合は、docs/operations.ja.md の手順で後継のノードを用意してください。",
    ),
    "error.promoted-but": (
        "{target} said that it is promoted, but its replica is {role} and its volume {mount}.",
        "{target} は昇格したと応答しましたが、レプリカは {role}、ボリュームは{mount}です。",
    ),
    "proof.not-fenced": (
        "{off}, and it is not cut off: {cut_off}",
        "{off}。隔離も証明できません: {cut_off}",
    ),
    "proof.not-fenced-nor-stopped": (
        "{off} ({stop}), and it is not cut off: {cut_off}",
        "{off}（{stop}）。隔離も証明できません: {cut_off}",
    ),
    "eth0.detached": (
        "{id} is configured as eth0 of {node} ({instance}), but it is attached to no instance",
        "{node}（{instance}）の eth0 に設定された {id} は、どのインスタンスにもアタッチされていません",
    ),
    "eth0.attached-elsewhere": (
        "{id} is configured as eth0 of {node} ({instance}), but it is attached to {other}",
        "{node}（{instance}）の eth0 に設定された {id} は、{other} にアタッチされています",
    ),
    "eth0.other-number": (
        "{id} is configured as eth0 of {node} ({instance}), but it is its interface number {number}, and eth0 is number 0",
        "{node}（{instance}）の eth0 に設定された {id} は、インターフェイス番号 {number} です（eth0 は 0）",
    ),
    "eth0.other-subnet": (
        "{id} is configured as eth0 of {node} ({instance}) in {subnet}, but it is in {other}",
        "{node}（{instance}）の eth0 に設定された {id} は、{subnet} ではなく {other} にあります",
    ),
    "volume.unknown": (
        "{id} is configured as the data volume of {node} ({instance}), and EC2 knows no such volume",
        "{node}（{instance}）のデータボリュームに設定された {id} が EC2 に存在しません",
    ),
    "volume.detached": (
        "{id} is configured as the data volume of {node} ({instance}), but it is attached to no instance",
        "{node}（{instance}）のデータボリュームに設定された {id} は、どのインスタンスにもアタッチされていません",
    ),
    "volume.attached-elsewhere": (
        "{id} is configured as the data volume of {node} ({instance}), but it is attached to {other}",
        "{node}（{instance}）のデータボリュームに設定された {id} は、{other} にアタッチされています",
    ),
    "volume.is-root": (
        "{id} is configured as the data volume of {node} ({instance}), but it is the root volume there ({device})",
        "{node}（{instance}）のデータボリュームに設定された {id} は、ルートボリューム（{device}）です",
    ),
    "volume.unnamed": (
        "{node} has {count} replicated volumes by FurtherVolumes, and its EBS volumes are given as {named}",
        "FurtherVolumes によると {node} には複製するボリュームが {count} 個ありますが、EBS ボリュームは {named} です",
    ),
    "error.aws-answered": (
        "AWS answered {operation} with {code}: {words}.",
        "AWS が {operation} に {code} を返しました: 「{words}」。",
    ),
    "error.input-no-object": (
        "The input must be a JSON object, not {name}. {allowed}",
        "入力は JSON オブジェクトで指定してください（{name} は使用できません）。{allowed}",
    ),
    "error.input-unusable": (
        "The input is not usable: {words}. {allowed}",
        "入力を使用できません: 「{words}」。{allowed}",
    ),
    "error.event-not-for-this": (
        "Events of the type {words} do not start this workflow. {allowed}",
        "種類「{words}」のイベントは、このワークフローを開始しません。{allowed}",
    ),
    "error.instance-not-ours": (
        "The instance {instance} is not one of this cluster's: {instances}.",
        "インスタンス {instance} はこのクラスターのものではありません: {instances}。",
    ),
    "error.no-such-node": (
        "There is no node {words} in this cluster: it has {pair}. {allowed}",
        "ノード「{words}」はこのクラスターにありません（{pair} があります）。{allowed}",
    ),
    "error.alarm-not-ours": (
        "The alarm {words} is not one that this cluster acts on: {names}.",
        "アラーム「{words}」は、このクラスターの対象ではありません: {names}。",
    ),
    "allowed.failover": (
        'Allowed are {{}} and {{"reason": "a sentence", "acceptDataLoss": true or false, "peerIsGone": "the id of an instance that EC2 has forgotten"}}.',
        '指定できる入力は、{{}} と {{"reason": "理由", "acceptDataLoss": true または false, "peerIsGone": "EC2 に存在しないインスタンスの ID"}} です。',
    ),
    "allowed.switchback": (
        'Allowed are {{}} (to the home node) and {{"target": "name of a node", "reason": "a sentence"}}.',
        '指定できる入力は、{{}}（ホームノードへ）と {{"target": "ノードの名前", "reason": "理由"}} です。',
    ),
    "allowed.operate": (
        'Allowed is what the widget\'s buttons say: {{"press": {{"action": ..., "confirmed": true, "shownAt": ..., ...}}}}. Nothing was done.',
        '指定できる入力は、ウィジェットのボタンが送る {{"press": {{"action": ..., "confirmed": true, "shownAt": ..., ...}}}} です。何も行っていません。',
    ),
    "allowed.show-cluster": (
        "It takes what a CloudWatch dashboard calls it with, or {{}}. Nothing was changed.",
        "指定できる入力は、CloudWatch ダッシュボードが送る入力、または {{}} です。何も変更していません。",
    ),
    "allowed.maintenance": (
        'Allowed are {{"minutes": 1 to {longest}, "reason": "a sentence"}}, which begins it or sets a new end, and {{"minutes": 0}}, which ends it. Nothing was changed.',
        '指定できる入力は、開始または終了時刻の変更を行う {{"minutes": 1～{longest}, "reason": "理由"}} と、終了する {{"minutes": 0}} です。何も変更していません。',
    ),
    "error.nothing-pressed": ("There is nothing to do. {allowed}", "実行する操作がありません。{allowed}"),
    "error.no-dry-run": (
        "{service} has no dry run of {operation}, so it was not called.",
        "{service} の {operation} にはドライランがないため、呼び出していません。",
    ),
    "error.dry-run-was-none": (
        "EC2 answered {operation} with DryRun as if it had carried it out: look at what it was to change.",
        "EC2 が、DryRun を指定した {operation} を実行したかのように応答しました。変更の対象を確認してください。",
    ),
    "error.events-not-taken": (
        "EventBridge did not take {count} events: {names}.",
        "EventBridge が {count} 件のイベントを受け付けませんでした: {names}。",
    ),
    "error.function-does-not-run": (
        "The function {function} does not run: {why}.",
        "関数 {function} が動作しません: {why}。",
    ),
    "error.memory-contended": (
        "What is remembered as {name} was changed by others {count} times.",
        "{name} の記録が、ほかの処理によって {count} 回変更されました。",
    ),
    "error.no-log-batch": (
        "CloudWatch Logs passed on something that is not a batch of log events: {words}.",
        "CloudWatch Logs から、ログイベントのまとまりではないデータが渡されました: 「{words}」。",
    ),
    "error.node-answered": ("{node} answered: {words}", "{node} の応答: 「{words}」"),
    "error.end-not-said-yet": (
        "Step Functions does not say yet how {execution} ended.",
        "Step Functions が、{execution} の終わり方をまだ示していません。",
    ),
    "allowed.rejoin": (
        'Allowed are {{}} and {{"reason": "a sentence"}}.',
        '指定できる入力は、{{}} と {{"reason": "理由"}} です。',
    ),
}
