"""What it costs to decide on the API's own answer: processor time of Writ for a request, beside the same request that is
decided before, and for a list of 100 elements. Audit on, one core, nginx as the API."""
import os
import sys

import measure
import serving
from serving import harness

ORDERS = "https://orders.acme.example"
ORDER = '{"id":1,"tenant":"north","amount":480,"state":"open","customer":"nora"}'
LIST = '{"orders":[' + ",".join(ORDER.replace('"id":1,', f'"id":{i},') for i in range(100)) + "]}"
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
        - {{method: GET, path: /orders, action: read, resource: 'Shop::Order::"all"',
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


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers():
    world = serving.BenchWorld(None, audit="buffered")
    with open(os.path.join(world.folder, "orders"), "w", encoding="utf-8") as file:
        file.write(LIST)
    os.chmod(world.folder, 0o755)  # nginx reads it as another user
    upstream = serving.Nginx(measure.LOAD_CORE, "@@ default_type application/json; open_file_cache max=10; "
                             f"location = /orders {{ root {world.folder}; }} location / {{ return 200 '{ORDER}'; }}")
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
            rate = measure.requests_per_second(world.gateway + path, headers=[f"Authorization: Bearer {token}"])
            return (processor_seconds(world.server.pid) - before) * 1e6 / (rate * measure.SECONDS)

        figures = measure.in_turns({"decided before": lambda: microseconds("/before/1"),
                                    "decided on the answer": lambda: microseconds("/answer/1"),
                                    "a list of 100": lambda: microseconds("/orders")})
        measure.print_ratios(figures, "decided before", unit="µs of processor time")
    finally:
        world.close()
        upstream.stop()


if __name__ == "__main__":
    sys.exit(answers())
