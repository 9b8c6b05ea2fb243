"""What it costs to decide on the API's own answer: processor time of Writ for a request, beside the same request that is
decided before, and for a list of 100 elements, beside a list of one. Audit on, one core, nginx as the API."""
import os
import statistics
import sys

import measure
import serving
from serving import harness

ORDERS = "https://orders.acme.example"
ORDER = '{"id":1,"tenant":"north","amount":480,"state":"open","customer":"nora"}'
MOST_ON_RESPONSE, MOST_FOR_100 = 1.2, 10
# Many short turns: how fast the processor is changes within seconds, and each is compared with the one beside it.
TURNS, TURN_SECONDS = 15, 1


def list_of(elements):
    return '{"orders":[' + ",".join(ORDER.replace('"id":1,', f'"id":{i},') for i in range(elements)) + "]}"


API = f"""
    - id: orders
      audience: {ORDERS}
      namespace: Shop
      actions: [read]
      upstream: http://127.0.0.1:PORT
      routes:
        - {{method: GET, path: "/before/{{order}}", action: read, resource: 'Shop::Order::"{{order}}"'}}
        - {{method: GET, path: "/answer/{{order}}", action: read, resource: 'Shop::Order::"{{order}}"',
           decide: on response, attributes: {{tenant: answer /tenant}}}}
        - {{method: GET, path: "/lists/{{list}}", action: read, resource: 'Shop::Order::"{{list}}"',
           decide: on response, attributes: {{tenant: answer /tenant}}, id: /id, elements: /orders}}
"""
SCHEMA = """
namespace Shop {
  entity Order = { tenant?: String };
  action read appliesTo { principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent], resource: Order,
    context: Writ::Context };
}
"""
POLICIES = '@id("tokens-for-orders") permit (principal, action == Writ::Action::"issue", resource == Writ::Api::"orders");\n'
POLICIES += '@id("orders") permit (principal, action == Shop::Action::"read", resource is Shop::Order);\n'


def within(limits):
    """Prints each figure with its limit; false when one is above."""
    good = True
    for what, (figure, limit) in limits.items():
        good = good and figure <= limit
        print(f"  {what:<60} {figure:>8.2f}   {'PASS' if figure <= limit else 'FAIL'}", flush=True)
    return good


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers():
    """False: it costs more than it may."""
    world = serving.BenchWorld(None, audit="buffered")
    os.mkdir(os.path.join(world.folder, "lists"))
    for elements in (1, 100):
        with open(os.path.join(world.folder, "lists", f"of-{elements}"), "w", encoding="utf-8") as file:
            file.write(list_of(elements))
    os.chmod(world.folder, 0o755)  # nginx reads it as another user
    upstream = serving.Nginx(measure.LOAD_CORE, "@@ default_type application/json; open_file_cache max=10; "
                             f"location /lists/ {{ root {world.folder}; }} location / {{ return 200 '{ORDER}'; }}")
    try:
        with open(world.config, "a", encoding="utf-8") as file:
            file.write(API.replace("PORT", str(upstream.port)).lstrip("\n"))
        for name, text in (("schema.cedarschema", SCHEMA), ("policies/orders.cedar", POLICIES)):
            with open(os.path.join(world.folder, name), "a", encoding="utf-8") as file:
                file.write(text)
        world.start()
        token = world.customer_token(audience=ORDERS)

        def microseconds(path):
            before = processor_seconds(world.server.pid)
            rate = measure.requests_per_second(world.gateway + path, headers=[f"Authorization: Bearer {token}"], seconds=TURN_SECONDS)
            return (processor_seconds(world.server.pid) - before) * 1e6 / (rate * TURN_SECONDS)

        figures = measure.in_turns({"decided before": lambda: microseconds("/before/1"),
                                    "decided on the answer": lambda: microseconds("/answer/1"),
                                    "a list of one": lambda: microseconds("/lists/of-1"),
                                    "a list of 100": lambda: microseconds("/lists/of-100")}, rounds=TURNS)
        measure.print_ratios(figures, "decided before", unit="µs of processor time")

        def beside(name, peer):
            return statistics.median(mine / theirs for mine, theirs in zip(figures[name], figures[peer]))
        return within({f"on the answer, beside before: at most {MOST_ON_RESPONSE} x":
                       (beside("decided on the answer", "decided before"), MOST_ON_RESPONSE),
                       f"a list of 100, beside one: at most {MOST_FOR_100} x":
                       (beside("a list of 100", "a list of one"), MOST_FOR_100)})
    finally:
        world.close()
        upstream.stop()


if __name__ == "__main__":
    sys.exit(0 if answers() else 1)
