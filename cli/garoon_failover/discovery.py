"""Which parameters describe the installation: a pure function of what the account holds.

It starts from the virtual IP. The route tables that carry it point to the active node's eth0; that gives the node, its
subnets and its volume; the standby is the other instance of the same make; the App servers lie in the tables' subnets.
What fits several times is a question with its candidates, never a guess; what contradicts something is refused with
both facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network

from failover.models import Value

from garoon_failover.account import Account, Instance, Interface, Subnet, Table, TargetGroup, Volume

CLUSTER_TAG = "garoon-failover:cluster"
"""On an instance: the ClusterName that it belongs to. Decides where several instances would fit."""

DEFAULT_VIRTUAL_IP = "10.1.0.10"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")  # as template.yaml has it


class Wishes(Value):
    """What the caller said."""

    virtual_ip: str = DEFAULT_VIRTUAL_IP
    cluster: str = "garoon"
    active: str | None = None
    standby: str | None = None
    data_volume_a: str | None = None
    data_volume_b: str | None = None
    target_group: str | None = None
    export_clients: str | None = None


class Found(Value):
    """A parameter's value, and where it was found."""

    name: str
    value: str
    source: str


class Choice(Value):
    value: str
    words: str


class Question(Value):
    """Something that the account does not say: the option with which the caller can."""

    option: str
    text: str
    choices: tuple[Choice, ...]


class Discovery(Value):
    """Complete if there are neither questions nor refusals."""

    found: tuple[Found, ...] = ()
    questions: tuple[Question, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was seen beside, and may be of interest."""

    @property
    def parameters(self) -> dict[str, str]:
        return {one.name: one.value for one in self.found}


def carrying(tables: Iterable[Table], virtual_ip: str) -> list[Table]:
    """The tables that have an entry for the virtual IP."""
    return [table for table in tables if virtual_ip in table.host_routes]


def discover(account: Account, wishes: Wishes, deployed: Mapping[str, str]) -> Discovery:
    """The parameters. `deployed` are those of the stack that is there already: they say which node is A, and how the
    nodes are called; empty without a stack."""
    search = _Search(account, wishes, deployed)
    search.run()
    return Discovery(
        found=tuple(search.found),
        questions=tuple(search.questions),
        refusals=tuple(search.refusals),
        notes=tuple(search.notes),
    )


class _Search:
    def __init__(self, account: Account, wishes: Wishes, deployed: Mapping[str, str]) -> None:
        self.account = account
        self.wishes = wishes
        self.deployed = deployed
        self.found: list[Found] = []
        self.questions: list[Question] = []
        self.refusals: list[str] = []
        self.notes: list[str] = []

    def run(self) -> None:
        tables = carrying(self.account.tables, self.wishes.virtual_ip)
        self._add("ClusterName", self.wishes.cluster, "as deployed" if self.deployed else "--cluster, or its default")
        self._add("VpcId", self.account.vpc_id, "the VPC of the route tables that carry the virtual IP")
        self._add("VirtualIp", self.wishes.virtual_ip, "--virtual-ip, or its default; route tables carry it")
        self._add_tables(tables)
        active = self._find_active(tables)
        standby = self._find_standby(active) if active else None
        if active and standby:
            self._add_nodes(*self._as_a_and_b(active, standby), active)
        self._add_app_side(tables, [one for one in (active, standby) if one])

    def _add(self, name: str, value: str, source: str) -> None:
        self.found.append(Found(name=name, value=value, source=source))

    def _add_tables(self, tables: list[Table]) -> None:
        ids = sorted((table.id for table in tables), key=lambda one: [table.id for table in tables].index(one))
        before = [one for one in self.deployed.get("RouteTableIds", "").split(",") if one]
        if set(before) == set(ids):
            ids = before  # another order would be a change
        names = ", ".join(table.name or table.id for table in tables)
        self._add("RouteTableIds", ",".join(ids), f"all with an entry for {self.wishes.virtual_ip}/32: {names}")

    # --- the nodes ---------------------------------------------------------------------------------------------

    def _find_active(self, tables: list[Table]) -> Instance | None:
        ip = self.wishes.virtual_ip
        targets: dict[str, list[str]] = {}
        for table in tables:
            interface_id = table.host_routes[ip]
            if interface_id is None:
                self.refusals.append(
                    f"The entry for {ip}/32 in {table.words} does not point to a network interface, and it is an "
                    "instance's eth0 that it must point to."
                )
                return None
            targets.setdefault(interface_id, []).append(table.words)
        nodes: dict[str, Instance] = {}
        for interface_id, words in targets.items():
            where = f"{' and '.join(words)} {'points' if len(words) == 1 else 'point'} {ip}/32 to {interface_id}"
            interface = self.account.interface(interface_id)
            if interface is None:
                self.refusals.append(f"{where}, and there is no such interface in {self.account.vpc_id}.")
                return None
            instance = self.account.instance(interface.instance_id)
            if instance is None:
                self.refusals.append(f"{where}, which is attached to no instance that is there.")
                return None
            if interface.device_index != 0:
                eth0 = eth(self.account, instance, 0)
                self.refusals.append(
                    f"{where}, which is interface number {interface.device_index} of {instance.words}; its eth0, "
                    f"number 0, is {eth0.id if eth0 else 'none'}."
                )
                return None
            nodes[instance.id] = instance
        if len(nodes) == 1:
            return next(iter(nodes.values()))
        facts = "; ".join(f"{' and '.join(words)} to {one}" for one, words in targets.items())
        return self._pick("--active", f"The entries for {ip}/32 point to several nodes ({facts}). Which is active?",
                          list(nodes.values()), self.wishes.active)  # fmt: skip

    def _find_standby(self, active: Instance) -> Instance | None:
        size = {volume.size_gib for volume in self._usable_volumes(active)}
        fits, misses = [], []
        for instance in self.account.instances:
            if instance.id == active.id:
                continue
            why_not = self._why_no_standby(instance, size)
            if why_not is None:
                fits.append(instance)
            elif len(self.account.interfaces_of(instance.id)) > 1:
                misses.append(f"{instance.words}: {why_not}")
        wish = self.wishes.standby or self._deployed_peer(active)
        if wish:
            named = [one for one in self.account.instances if wish in (one.id, one.name) and one.id != active.id]
            if len(named) == 1:
                why_not = self._why_no_standby(named[0], size)
                if why_not is None:
                    return named[0]
                self.refusals.append(f"{named[0].words} cannot be the standby of {active.words}: {why_not}.")
                return None
        if not fits:
            self.refusals.append(
                f"No instance of {self.account.vpc_id} can be the standby of {active.words}: it has two interfaces, "
                "source/dest check off on eth0, and a data volume of the same size. "
                + (f"Closest: {'; '.join(misses)}." if misses else "No other instance has two interfaces.")
            )
            return None
        tag = active.tags.get(CLUSTER_TAG)
        tagged = [one for one in fits if tag and one.tags.get(CLUSTER_TAG) == tag]
        return self._pick("--standby", f"Which instance is the standby of {active.words}?", tagged or fits, wish)

    def _deployed_peer(self, active: Instance) -> str | None:
        pair = [self.deployed.get(f"Node{letter}InstanceId") for letter in "AB"]
        return next((one for one in pair if one != active.id), None) if active.id in pair else None

    def _why_no_standby(self, instance: Instance, sizes: set[int]) -> str | None:
        """Why it cannot be; None if it can."""
        interfaces = self.account.interfaces_of(instance.id)
        if len(interfaces) != 2:
            return f"it has {len(interfaces)} network interfaces, not two"
        eth0 = interfaces[0]
        if eth0.is_source_dest_check_on:
            return f"source/dest check is on on its eth0, {eth0.id}"
        others = sorted(
            {
                address
                for table in self.account.tables
                for address, target in table.host_routes.items()
                if target == eth0.id and address != self.wishes.virtual_ip
            }
        )
        if others:
            return f"{others[0]}/32 points to it, so it is another cluster's active node"
        own_sizes = {volume.size_gib for volume in self.account.data_volumes_of(instance)}
        if not own_sizes:
            return "it has no data volume"
        if sizes and not own_sizes & sizes:
            return f"its data volume has {min(own_sizes)} GiB, not {min(sizes)}"
        return None

    def _as_a_and_b(self, active: Instance, standby: Instance) -> tuple[Instance, Instance]:
        """A is home: the one that the deployed stack has as A; without a stack the active one."""
        if self.deployed.get("NodeAInstanceId") == standby.id:
            return standby, active
        return active, standby

    def _add_nodes(self, node_a: Instance, node_b: Instance, active: Instance) -> None:
        pair = {self.deployed.get("NodeAInstanceId"), self.deployed.get("NodeBInstanceId")}
        if self.deployed and pair != {node_a.id, node_b.id}:
            self.refusals.append(
                f"The deployed stack has {' and '.join(sorted(filter(None, pair)))} as its nodes, but the virtual IP's "
                f"routes and what is like their target are {node_a.id} and {node_b.id}. If a node was replaced, give "
                "the new ids with --set; else name another stack with --stack."
            )
            return
        names = [self._name_of(letter, node) for letter, node in (("A", node_a), ("B", node_b))]
        if names[0][0] == names[1][0]:
            names = [(default, f"both instances have the tag Name {names[0][0]}; this is the default")
                     for default in ("db-01", "db-02")]  # fmt: skip
        for letter, node, (name, source), wish in (
            ("A", node_a, names[0], self.wishes.data_volume_a),
            ("B", node_b, names[1], self.wishes.data_volume_b),
        ):
            role = "the virtual IP's routes point to it" if node.id == active.id else "two interfaces, source/dest " \
                "check off, a data volume of the same size"  # fmt: skip
            self._add(f"Node{letter}Name", name, source)
            self._add(f"Node{letter}InstanceId", node.id, role)
            self._add_interfaces(letter, node)
            if volumes := self._find_volumes(letter, node, wish):
                self._add(
                    f"Node{letter}DataVolumeId",
                    ",".join(volume.id for volume in volumes),
                    "; ".join(f"{one.size_gib} GiB, attached to {node.id} as {one.device}" for one in volumes),
                )
        self.notes += self._notes_on(node_a, node_b)

    def _name_of(self, letter: str, node: Instance) -> tuple[str, str]:
        if known := self.deployed.get(f"Node{letter}Name"):
            return known, "as deployed"
        if _NAME.fullmatch(node.name):
            return node.name, f"the tag Name of {node.id}"
        return {"A": "db-01", "B": "db-02"}[letter], f"the default; the tag Name of {node.id} is {node.name!r}"

    def _add_interfaces(self, letter: str, node: Instance) -> None:
        interfaces = self.account.interfaces_of(node.id)
        if [one.device_index for one in interfaces] != [0, 1]:
            numbered = ", ".join(f"{one.id} (number {one.device_index})" for one in interfaces)
            self.refusals.append(
                f"{node.words} has the interfaces {numbered}; it must have two, eth0 (number 0) and eth1 (number 1)."
            )
            return
        eth0, eth1 = interfaces
        self._add(f"Node{letter}Eth0InterfaceId", eth0.id, f"interface number 0 of {node.id}")
        for device, interface in (("Eth0", eth0), ("Eth1", eth1)):
            self._add(f"Node{letter}{device}Address", interface.address, f"of {interface.id}")
        for device, interface in (("Eth0", eth0), ("Eth1", eth1)):
            subnet = self.account.subnet(interface.subnet_id)
            where = f" ({subnet.cidr}, {subnet.zone})" if subnet else ""
            self._add(f"Node{letter}{device}SubnetId", interface.subnet_id, f"of {interface.id}{where}")

    def _usable_volumes(self, node: Instance) -> list[Volume]:
        wished = f"{self.wishes.data_volume_a},{self.wishes.data_volume_b}".split(",")
        own = self.account.data_volumes_of(node)
        return [one for one in own if one.id in wished] or own

    def _find_volumes(self, letter: str, node: Instance, wish: str | None) -> list[Volume]:
        """The one, or those that somebody names, separated by commas."""
        wish = wish or self.deployed.get(f"Node{letter}DataVolumeId")
        volumes = self.account.data_volumes_of(node)
        by_id = {one.id: one for one in volumes}
        if wish and by_id.keys() >= {*wish.split(",")}:
            return [by_id[one] for one in wish.split(",")]
        if not volumes:
            self.refusals.append(f"{node.words} has no volume beside its root volume.")
            return []
        if len(volumes) == 1 and not wish:
            return volumes
        if wish:
            self.refusals.append(
                f"{wish} is given as the data volume of {node.words}, but attached to it are "
                f"{', '.join(one.id for one in volumes)}."
            )
            return []
        self._ask(
            f"--data-volume-{letter.lower()}",
            f"Which volume of {node.words} holds Garoon's data?",
            [(one.id, f"{one.size_gib} GiB, {one.device}") for one in volumes],
        )
        return []

    def _notes_on(self, node_a: Instance, node_b: Instance) -> list[str]:
        if node_a.zone == node_b.zone:
            return [f"Both nodes are in {node_a.zone}: when that Availability Zone fails, both fail."]
        return []

    # --- the App servers ---------------------------------------------------------------------------------------

    def _add_app_side(self, tables: list[Table], nodes: list[Instance]) -> None:
        subnets = {subnet.id: subnet for table in tables for subnet in self.account.subnets_of(table)}
        group = self._find_target_group(subnets)
        if group is None:
            return
        self._add("TargetGroupArn", group.arn, f"its targets are in the subnets of these route tables: {group.name}")
        with_targets = {one for one in (self._subnet_of(target) for target in group.targets) if one}
        app = [subnet for subnet in subnets.values() if subnet.id in with_targets]
        given = self.wishes.export_clients or None
        if given is None and (unsure := self._may_hold_app_servers(subnets.values(), with_targets, nodes)):
            before = self.deployed.get("ExportClients")
            if before:
                given = before
            else:
                cidrs = [subnet.cidr for subnet in app]
                self._ask(
                    "--export-clients",
                    f"Which networks may mount the NFS exports? {join(unsure)} can reach the virtual IP and "
                    f"{'holds' if len(unsure) == 1 else 'hold'} instances, but no target of {group.name}.",
                    [
                        (_cidrs(cidrs), "only the subnets with a target"),
                        (_cidrs([*cidrs, *(subnet.cidr for subnet in unsure)]), "these, too"),
                    ],
                )
                return
        if given:
            self._add("ExportClients", given, "as given, or as deployed")
            return
        networks = _cidrs([subnet.cidr for subnet in app])
        written = self.deployed.get("ExportClients", "")
        value = written if set(written.split(",")) == set(networks.split(",")) else networks
        self._add("ExportClients", value, f"the subnets of the targets: {', '.join(one.id for one in app)}")

    def _subnet_of(self, target: str) -> str | None:
        for interface in self.account.interfaces:
            if target in (interface.instance_id, interface.address) and interface.device_index in (0, None):
                return interface.subnet_id
        return None

    def _find_target_group(self, subnets: Mapping[str, Subnet]) -> TargetGroup | None:
        groups = [
            group
            for group in self.account.target_groups
            if any(self._subnet_of(target) in subnets for target in group.targets)
        ]
        wish = self.wishes.target_group or self.deployed.get("TargetGroupArn")
        named = [one for one in self.account.target_groups if wish and wish in (one.arn, one.name)]
        if named:
            return named[0]
        if wish:
            self.refusals.append(f"There is no target group {wish} in {self.account.vpc_id}.")
            return None
        if not groups:
            self.refusals.append(
                "No target group has a target in the subnets of the route tables that carry the virtual IP "
                f"({', '.join(sorted(subnets)) or 'which have none'}): give the App servers' with --target-group."
            )
            return None
        if len(groups) == 1:
            return groups[0]
        self._ask(
            "--target-group",
            "Which target group has Garoon's App servers?",
            [(one.arn, f"{one.name}, {len(one.targets)} targets") for one in groups],
        )
        return None

    def _may_hold_app_servers(
        self, subnets: Iterable[Subnet], with_targets: set[str], nodes: list[Instance]
    ) -> list[Subnet]:
        """Subnets of the tables without a target in which there are instances other than the nodes."""
        own = {node.id for node in nodes}
        inhabited = {one.subnet_id for one in self.account.interfaces if one.instance_id and one.instance_id not in own}
        of_nodes = {one.subnet_id for one in self.account.interfaces if one.instance_id in own}
        return [one for one in subnets if one.id in inhabited - with_targets - of_nodes]

    # --- asking ------------------------------------------------------------------------------------------------

    def _pick(self, option: str, text: str, candidates: list[Instance], wish: str | None) -> Instance | None:
        chosen = [one for one in candidates if wish and wish in (one.id, one.name)]
        if len(chosen) == 1:
            return chosen[0]
        if wish:
            self.refusals.append(
                f"{option} {wish} is none of {join(one.words for one in candidates)}."
                if not chosen
                else f"{option} {wish} is the name of several instances: {join(one.id for one in chosen)}."
            )
            return None
        if len(candidates) == 1:
            return candidates[0]
        self._ask(
            option,
            text,
            [(one.id, f"{one.name or 'no tag Name'}, {one.type}, {one.zone}, {one.state}") for one in candidates],
        )
        return None

    def _ask(self, option: str, text: str, choices: list[tuple[str, str]]) -> None:
        self.questions.append(
            Question(option=option, text=text, choices=tuple(Choice(value=one, words=words) for one, words in choices))
        )


def eth(account: Account, instance: Instance, number: int) -> Interface | None:
    return next((one for one in account.interfaces_of(instance.id) if one.device_index == number), None)


def _cidrs(cidrs: Iterable[str]) -> str:
    return ",".join(str(one) for one in sorted({IPv4Network(cidr) for cidr in cidrs}))


def join(words: Iterable[object]) -> str:
    return " and ".join(one.cidr if isinstance(one, Subnet) else str(one) for one in words)
