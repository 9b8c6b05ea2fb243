"""Writes the inputs of the Cedar benchmark, always the same ones for the same arguments.

An input is a folder: policies.cedar, schema.cedarschema, entities.jsonl with one set of entities a line, and
requests.jsonl with one request a line, shared out evenly over the sets of entities in their order.
"""
import json
import os
import random
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))

# Raise it when what is written changes, so that older inputs are made anew.
VERSION = 1

# The settings of the OOPSLA evaluation: entities of each type, and how likely two of them are connected.
SIZES = (5, 10, 15, 20, 30, 40, 50)
HIERARCHIES, REQUESTS = 200, 500
CONNECTED = 0.05


def uid(kind, name):
    return {"__entity": {"type": kind, "id": name}}


def entity(kind, name, parents=(), /, **attributes):
    return {"uid": uid(kind, name), "attrs": attributes, "parents": list(parents)}


def some(dice, kind, names):
    """Each of the named entities, as likely as two entities are connected."""
    return [uid(kind, name) for name in names if dice.random() < CONNECTED]


def names(prefix, count):
    return [f"{prefix}_{i}" for i in range(count)]


def gdrive(dice, size):
    users, groups, folders, documents = (names(p, size) for p in ("user", "group", "folder", "doc"))
    views = [f"user {user}" for user in users] + [f"group {group}" for group in groups]
    members = {group: [] for group in groups}
    made = []
    for user in users:
        in_groups = some(dice, "Group", groups)
        for group in in_groups:
            members[group["__entity"]["id"]].append(uid("View", f"user {user}"))
        made.append(entity("User", user, in_groups,
                           documentsAndFoldersWithViewAccess=uid("View", f"user {user}"),
                           ownedDocuments=some(dice, "Document", documents),
                           ownedFolders=some(dice, "Folder", folders)))
        made.append(entity("View", f"user {user}"))
    for group in groups:
        made.append(entity("Group", group))
        made.append(entity("View", f"group {group}", members[group]))
    for document in documents:
        made.append(entity("Document", document, some(dice, "Folder", folders) + some(dice, "View", views),
                           isPublic=dice.random() < 0.5))
    for i, folder in enumerate(folders):  # a folder lies only in earlier ones, so there is no cycle
        made.append(entity("Folder", folder, some(dice, "Folder", folders[:i]) + some(dice, "View", views)))
    made += [entity("Action", a) for a in ("read", "write", "share", "changeOwner", "createDocument")]
    return made, {
        **dict.fromkeys(("read", "write", "share", "changeOwner"), (("User", users), ("Document", documents))),
        "createDocument": (("User", users), ("Folder", folders)),
    }


def github(dice, size):
    users, teams, repositories, organizations = (names(p, size) for p in ("user", "team", "repo", "org"))
    rights = {"RepoPermission": ("readers", "triagers", "writers", "maintainers", "admins"),
              "OrgPermission": ("readers", "writers", "admins")}

    def permissions(kind, holder):
        return {right: uid(kind, f"{holder}_{right}") for right in rights[kind]}

    def some_right(kind, holders):
        return [uid(kind, f"{holder}_{dice.choice(rights[kind])}")
                for holder in holders if dice.random() < CONNECTED]

    made = []
    for organization in organizations:
        made.append(entity("Organization", organization, some_right("OrgPermission", organizations),
                           **permissions("OrgPermission", organization)))
    for repository in repositories:
        made.append(entity("Repository", repository, owner=uid("Organization", dice.choice(organizations)),
                           **permissions("RepoPermission", repository)))
    for kind, holders in (("OrgPermission", organizations), ("RepoPermission", repositories)):
        made += [entity(kind, f"{holder}_{right}") for holder in holders for right in rights[kind]]
    for i, team in enumerate(teams):  # a team is only in earlier ones, so there is no cycle
        made.append(entity("Team", team, some(dice, "Team", teams[:i]) + some_right("RepoPermission", repositories)))
    for user in users:
        made.append(entity("User", user,
                           some(dice, "Team", teams) + some(dice, "Organization", organizations) +
                           some_right("RepoPermission", repositories) + some_right("OrgPermission", organizations)))
    actions = ("read", "triage", "write", "maintain", "admin")
    for action, above in zip(actions, (*actions[1:], None)):
        made.append(entity("Action", action, [uid("Action", above)] if above else []))
    return made, dict.fromkeys(actions, (("User", users), ("Repository", repositories)))


def tinytodo(dice, size):
    users, teams, lists = (names(p, size) for p in ("user", "team", "list"))
    application = uid("Application", "TinyTodo")
    made = [entity("Application", "TinyTodo")]
    made += [entity("User", user, [*some(dice, "Team", teams), application]) for user in users]
    for i, team in enumerate(teams):  # a team is only in earlier ones, so there is no cycle
        made.append(entity("Team", team, [*some(dice, "Team", teams[:i]), application]))
    for name in lists:
        tasks = [{"id": task, "name": f"task {dice.randrange(1_000_000)}",
                  "state": dice.choice(("checked", "unchecked"))} for task in range(dice.randint(0, 50))]
        made.append(entity("List", name, [application], name=name, owner=uid("User", dice.choice(users)),
                           readers=uid("Team", dice.choice(teams)), editors=uid("Team", dice.choice(teams)),
                           tasks=tasks))
    on_application, on_lists = ("CreateList", "GetLists"), (
        "GetList", "UpdateList", "DeleteList", "EditShares", "CreateTask", "UpdateTask", "DeleteTask")
    made += [entity("Action", action) for action in on_application + on_lists]
    return made, {
        **dict.fromkeys(on_application, (("User", users), ("Application", ["TinyTodo"]))),
        **dict.fromkeys(on_lists, (("User", users), ("List", lists))),
    }


APPS = {"gdrive": gdrive, "github": github, "tinytodo": tinytodo}


def random_request(dice, applies_to):
    """Any action, with a principal and a resource that it applies to and that exist."""
    action = dice.choice(list(applies_to))
    (principal, principals), (resource, resources) = applies_to[action]
    return {"principal": {"type": principal, "id": dice.choice(principals)},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource, "id": dice.choice(resources)},
            "context": {}}


def write_app(folder, app, size, hierarchies, requests):
    dice = random.Random(f"{app} {size}")
    for name in ("policies.cedar", "schema.cedarschema"):
        shutil.copy(os.path.join(HERE, "apps", app, name), folder)
    with open(os.path.join(folder, "entities.jsonl"), "w", encoding="utf-8") as entities_file, \
         open(os.path.join(folder, "requests.jsonl"), "w", encoding="utf-8") as requests_file:
        for _ in range(hierarchies):
            entities, applies_to = APPS[app](dice, size)
            entities_file.write(json.dumps(entities) + "\n")
            for _ in range(requests):
                requests_file.write(json.dumps(random_request(dice, applies_to)) + "\n")


def made_once(root, name, arguments, write):
    """The folder of an input, written unless it is there already."""
    folder = os.path.join(root, name)
    stamp = os.path.join(folder, "made-from")
    wanted = repr((VERSION, arguments))
    try:
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return folder
    except FileNotFoundError:
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    write(folder, *arguments)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return folder


def app_input(root, app, size, hierarchies=HIERARCHIES, requests=REQUESTS):
    return made_once(root, f"{app}-{size}-{hierarchies}", (app, size, hierarchies, requests), write_app)


# One tenant of a service for documents: ten policies, ten entities.
TENANT_POLICIES = """\
@description("staff can view everything")
permit (principal in Team::"{t}/staff", action == Action::"view", resource in Folder::"{t}/root");
permit (principal in Team::"{t}/editors", action in [Action::"view", Action::"edit"], resource in Folder::"{t}/projects")
when {{ resource.classification <= principal.clearance }};
permit (principal == User::"{t}/u0", action, resource in Folder::"{t}/root") when {{ context.mfa }};
permit (principal in Team::"{t}/staff", action == Action::"share", resource in Folder::"{t}/root")
when {{ resource.owner == principal }};
permit (principal is User in Team::"{t}/staff", action == Action::"edit", resource is Document in Folder::"{t}/projects")
when {{ context.hour >= 8 && context.hour < 18 }};
permit (principal, action == Action::"view", resource == Document::"{t}/d0");
permit (principal == User::"{t}/u1", action == Action::"delete", resource)
when {{ resource has owner && resource.owner == principal && context.mfa }};
forbid (principal in Team::"{t}/contractors", action in [Action::"edit", Action::"share", Action::"delete"], resource)
unless {{ context.network == "office" }};
forbid (principal in Team::"{t}/suspended", action, resource);
@description("what is archived stays as it is")
forbid (principal, action, resource in Folder::"{t}/archive") unless {{ action == Action::"view" }};
"""
POLICIES_EACH = ENTITIES_EACH = 10
TENANT_ACTIONS = ("view", "edit", "share", "delete")
TENANT_SCHEMA = """\
entity Team, Folder;
entity User in [Team] { department: String, clearance: Long };
entity Document in [Folder] { owner: User, classification: Long, archived: Bool };
action view, edit, share, delete appliesTo {
  principal: User,
  resource: Document,
  context: { mfa: Bool, hour: Long, network: String },
};
"""
STORED_TENANTS = 1000


def tenant_entities(dice, tenant):
    def own(kind, *names_of_tenant):
        return [uid(kind, f"{tenant}/{name}") for name in names_of_tenant]

    made = [entity(kind, f"{tenant}/{name}") for kind, name in (
        ("Team", "staff"), ("Team", "editors"), ("Team", "contractors"), ("Folder", "root"), ("Folder", "projects"))]
    for name, teams in (("u0", ("staff",)), ("u1", ("staff", "editors")), ("u2", ("contractors",))):
        made.append(entity("User", f"{tenant}/{name}", own("Team", *teams),
                           department=dice.choice(("sales", "support", "engineering")),
                           clearance=dice.randrange(4)))
    for name, folders in (("d0", ("root",)), ("d1", ("root", "projects"))):
        made.append(entity("Document", f"{tenant}/{name}", own("Folder", *folders),
                           owner=uid("User", f"{tenant}/u{dice.randrange(3)}"),
                           classification=dice.randrange(4), archived=dice.random() < 0.1))
    return made


def write_tenants(folder, policies, requests):
    """`policies` policies, and always the same number of entities. A request meets a handful of the policies."""
    dice = random.Random(f"tenants {policies}")
    tenants = policies // POLICIES_EACH
    with open(os.path.join(folder, "schema.cedarschema"), "w", encoding="utf-8") as file:
        file.write(TENANT_SCHEMA)
    with open(os.path.join(folder, "policies.cedar"), "w", encoding="utf-8") as file:
        for tenant in range(tenants):
            file.write(TENANT_POLICIES.format(t=f"t{tenant}"))
    with open(os.path.join(folder, "entities.jsonl"), "w", encoding="utf-8") as file:
        made = [entity("Action", action) for action in TENANT_ACTIONS]
        for tenant in range(STORED_TENANTS):
            made += tenant_entities(dice, f"t{tenant}")
        file.write(json.dumps(made) + "\n")
    with open(os.path.join(folder, "requests.jsonl"), "w", encoding="utf-8") as file:
        for _ in range(requests):
            one, other = (f"t{dice.randrange(min(tenants, STORED_TENANTS))}" for _ in range(2))
            of_resource = other if dice.random() < 0.1 else one
            file.write(json.dumps({
                "principal": {"type": "User", "id": f"{one}/u{dice.randrange(3)}"},
                "action": {"type": "Action", "id": dice.choice(TENANT_ACTIONS)},
                "resource": {"type": "Document", "id": f"{of_resource}/d{dice.randrange(2)}"},
                "context": {"mfa": dice.random() < 0.5, "hour": dice.randrange(24),
                            "network": dice.choice(("office", "home"))},
            }) + "\n")


def tenants_input(root, policies, requests=2000):
    return made_once(root, f"tenants-{policies}", (policies, requests), write_tenants)


def write_entities(folder, count):
    dice = random.Random(f"entities {count}")
    with open(os.path.join(folder, "entities.json"), "w", encoding="utf-8") as file:
        for tenant in range(count // ENTITIES_EACH):
            text = json.dumps(tenant_entities(dice, f"t{tenant}"))
            file.write(("[" if tenant == 0 else ", ") + text[1:-1])
        file.write("]\n")


def entities_input(root, count):
    return made_once(root, f"entities-{count}", (count,), write_entities)
