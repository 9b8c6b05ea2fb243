"""Requests that two readers could understand in two ways, as data. smuggling_test.py sends them.

What is collected here is known from tools and papers on request smuggling and on the normalization of paths: mutations of
Transfer-Encoding and Content-Length, chunks, request lines, hosts, fields of the connection, paths that servers read differently,
and what HTTP/2 can say that HTTP/1 cannot.

In a request, `$P` is the path of its case, below which every path has a route. `$P/hidden` is what an attacker would like to reach:
it stands where a reader who is misled finds another request.
"""
from typing import NamedTuple, Optional

REFUSED = "refused"  # the first answer is a refusal, the connection ends, and nothing reaches an API


class Case(NamedTuple):
    name: str
    data: bytes
    # REFUSED; the target that the API sees; None: refused, or all that read it agree.
    outcome: Optional[str] = None
    bodies: Optional[tuple] = None  # of the first request, if it passes: one of these
    answers: int = 1  # how many are read before the caller goes


HIDDEN = "GET $P/hidden HTTP/1.1\r\nHost: a.example\r\n\r\n"
CHUNKED = "5\r\nhello\r\n0\r\n\r\n"


def request(*fields, line="POST $P/outer HTTP/1.1", host="Host: a.example", body=""):
    text = "\r\n".join([line, *([host] if host else []), *fields]) + "\r\n\r\n" + body
    return text.encode("latin-1")


def lengths_and_chunks(name, field):
    """A field that may be Transfer-Encoding: beside a length that hides a request, and without one."""
    hidden = "0\r\n\r\n" + HIDDEN
    yield Case(f"{name}, with a length", request(f"Content-Length: $L", field, body=hidden), bodies=(hidden.encode(),))
    yield Case(f"{name}, alone", request(field, body=CHUNKED + HIDDEN), bodies=(b"", b"hello"), answers=2)


TRANSFER_ENCODINGS = [
    "Transfer-Encoding: chunked", "Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding:\tchunked",
    "Transfer-Encoding\t:\tchunked", "Transfer Encoding: chunked", "Transfer_Encoding: chunked", "Transfer-Encoding:  chunked",
    "Transfer-Encoding:chunked", "Transfer-Encoding: chunked, cow", "Transfer-Encoding: cow, chunked", "Transfer-Encoding:\n chunked",
    "Transfer-Encoding:\r\n chunked", 'Transfer-Encoding: "chunked"', "Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunk",
    "TrAnSFer-EnCODinG: cHuNkeD", "TRANSFER-ENCODING: CHUNKED", "Transfer-Encoding: chunked\r", "Transfer-Encoding: chunked\t",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer\r-Encoding: chunked", "Transfer-Encoding: cow chunked bar",
    "Transfer-Encoding: ch\x96nked", "Transf\x82r-Encoding: chunked", "X: X\rTransfer-Encoding: chunked",
    "X: X\nTransfer-Encoding: chunked", "X: X\r\n Transfer-Encoding: chunked", "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: , chunked", "Transfer-Encoding: chunked,", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding:",
    "Transfer-Encoding: gzip, chunked", "X-Transfer-Encoding: chunked", "Content-Encoding: chunked", "TE: chunked",
    "Transfer-Encoding: xchunked", "Transfer-Encodinġ: chunked".encode().decode("latin-1"), "Transfer-Encoding\x00: chunked",
    "Foo: bar\r\n\rTransfer-Encoding: chunked", "Trailer: Transfer-Encoding", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
]
# At each of four places: what some readers skip.
ODD_BYTES = [*range(0x00, 0x20), 0x7F, 0x80, 0x85, 0xA0, 0xFF]
CONTENT_LENGTHS = ["+5", "-1", "5, 5", "5,6", "0x5", "5 ", "05", "5.0", "1e1", "5\x00", "", "5\t", "\xd9\xa5", "99999999999999999999",
                   "18446744073709551621", "5_0", "5;x=1", "\"5\"", "5 6", "\x0b5", "5\r\nContent-Length: 5", "5\r\nContent-Length: 6",
                   "0\r\ncontent-length: 5", "5\r\nContent-Length : 6", "5\r\n Content-Length: 6", "5\r\nContent_Length: 0"]
CHUNKS = [
    ("5;ext=1", None), ("5;ext=\"a;b\"", None), ("5;ext=\"a", None), ("5;", None), ("5;\x00", None), ("5;a\nGET", None), ("5 ", None),
    (" 5", None), ("05", None), ("000000000000000000005", None), ("0x5", REFUSED), ("+5", REFUSED), ("-5", REFUSED),
    ("fffffffffffffffff", REFUSED), ("ffffffffffffffff", REFUSED), ("8000000000000005", REFUSED), ("5_0", REFUSED), ("Z", REFUSED), ("", REFUSED), ("5\x0b", REFUSED),
    ("5\r", REFUSED), ("5\r\r;a", REFUSED), ("2\r\r;a", REFUSED), ("5\t", None), ("5.", REFUSED), ("\"5\"", REFUSED),
]
BODIES = [
    "5\nhello\n0\n\n", "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
    "5\r\nhello\r\n00\r\n\r\n", "5\r\nhello\r\n0;\r\n\r\n", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", "5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\nb\r\n\r\n",
    "5\r\nhello\r\n0\r\n folded\r\n\r\n", "5\r\nhello\r\n0\r\nno colon\r\n\r\n", "5\r\nhello\r\n0\r\nX : a\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: \x00\r\n\r\n", "5\r\nhello\r\n0\r\nGET $P/hidden HTTP/1.1\r\nHost: a.example\r\n\r\n", "5\r\nhello\r\n-0\r\n\r\n",
    "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
]
# (request line, what becomes of it)
LINES = [
    ("GET $P/a HTTP/1.2", REFUSED), ("GET $P/a HTTP/2.0", REFUSED), ("GET $P/a http/1.1", REFUSED), ("GET $P/a HTTP/1.1 ", REFUSED),
    (" GET $P/a HTTP/1.1", REFUSED), ("GET  $P/a HTTP/1.1", REFUSED), ("GET\t$P/a HTTP/1.1", REFUSED), ("GET $P/a b HTTP/1.1", REFUSED),
    ("GET $P/a\x00 HTTP/1.1", REFUSED), ("GET $P/a\x0bHTTP/1.1", REFUSED), ("GET $P/a HTTP/1.1 HTTP/1.1", REFUSED), ("GET $P/a", REFUSED),
    ("G\"T $P/a HTTP/1.1", REFUSED), ("GET:$P/a HTTP/1.1", REFUSED), ("GET $P/a HTTP/1.10", REFUSED), ("GET $P/a HTTP/01.1", REFUSED),
    ("GET $P/a HTTP/1,1", REFUSED), ("GET $P/a HTTP/1.1\rX: a", REFUSED), ("GET $P/a HTTP/1.1\nX: a", REFUSED), ("PRI * HTTP/2.0", REFUSED),
    ("CONNECT a.example:80 HTTP/1.1", REFUSED), ("get $P/a HTTP/1.1", None), ("TRACE $P/a HTTP/1.1", None), ("OPTIONS * HTTP/1.1", None),
    ("GET * HTTP/1.1", None), ("GET http://a.example$P/a HTTP/1.1", "$P/a"), ("GET HTTP://A.EXAMPLE$P/a HTTP/1.1", "$P/a"),
    ("GET http://b.example$P/a HTTP/1.1", None), ("GET http://a.example@b.example$P/a HTTP/1.1", None), ("GET ftp://a.example$P/a HTTP/1.1", None),
    ("GET http:$P/a HTTP/1.1", None), ("GET //b.example$P/a HTTP/1.1", None), ("GET a.example$P/a HTTP/1.1", None), ("GET ?$P/a HTTP/1.1", None),
    ("GET \\\\b.example$P/a HTTP/1.1", None), ("GET http://a.example?$P/a HTTP/1.1", None), ("GET http://$P/a HTTP/1.1", None),
    ("GET http://a.example:80$P/a HTTP/1.1", None), ("GET $P/a HTTP/1.1", "$P/a"),
]
# (what stands in place of the field Host, what becomes of it)
HOSTS = [
    ("Host: a.example\r\nHost: b.example", REFUSED), ("Host: a.example\r\nhost: a.example", REFUSED), ("", REFUSED), ("Host:", REFUSED),
    ("Host: a b", REFUSED), ("Host: a/b", REFUSED), ("Host: a#b", REFUSED), ("Host: a@b", REFUSED), ("Host: a:80:90", REFUSED),
    ("Host: a:port", REFUSED), ("Host: [::1", REFUSED), ("Host: a\x00b", REFUSED), ("Host : a", REFUSED), (" Host: a", REFUSED),
    ("Host: a%00", REFUSED), ("Host: a\r\n b", REFUSED), ("Host: a\nHost: b", REFUSED), ("Host: a:99999", REFUSED), ("Host: a?b", REFUSED),
    ("Host: a\\b", REFUSED), ("Host: a,b", None), ("Host: [::1]:80", "$P/a"), ("Host: a.example:8080", "$P/a"),
    ("Host: a.example\r\nX-Forwarded-Host: b.example", "$P/a"), ("Host: a.example\r\nForwarded: host=b.example;for=192.0.2.1", "$P/a"),
    ("Host: a.example\r\nX-Host: b.example", "$P/a"), ("Host: a.example\r\nX_Forwarded_Host: b.example", "$P/a"),
]
# Fields of a request with a body of five bytes.
FIELDS = [
    "Connection: close, X-Forwarded-For", "Connection: host", "Connection: content-length", "Connection: Content-Length, close",
    "Connection: close, close", "Connection: a b", "Proxy-Connection: close", "Keep-Alive: timeout=5", "X-Original-URL: $P/hidden",
    "X-Rewrite-URL: $P/hidden", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE", "X-Forwarded-For: 192.0.2.1",
    "X-Real-IP: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /evil", "Expect: 100-continue", "Expect: 200-ok", "Expect: 100-continue, x",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Upgrade: websocket\r\nConnection: Upgrade",
    "Trailer: Content-Length", "TE: trailers", "X: a\r\n folded", "X: a\r\nno colon", ": no name", "X\xff: a", "X(y): a", "X: \x00", "X: a\x7fb", "X: a\rb",
    "X-A_B: 1\r\nX-A-B: 2", "Max-Forwards: 0", "Content-Transfer-Encoding: chunked", "Range: bytes=0-0", "Content-Range: bytes 0-4/5",
    "Content-Length-X: 0", "Content_Length: 0", "Content-Length\x00: 0",
]
# (behind `$P`, the target that an API sees). None: refused.
PATHS = [
    ("/../hidden", None), ("/..", None), ("/.", None), ("/./a", None), ("/a/.", None), ("/%2e%2e/hidden", None), ("/%2e", None),
    ("/.%2e/hidden", None), ("/a/..%2fhidden", None), ("/a%2fb", None), ("/a%2Fb", None), ("/a%5cb", None), ("/a%5C..%5Chidden", None),
    ("/a\\b", None), ("/..\\hidden", None), ("//a", None), ("/a//b", None), ("/a;x=1", None), ("/..;/hidden", None), ("/a/..;/hidden", None),
    ("/;/hidden", None), ("/a%3bx=1", None), ("/%252e%252e/hidden", None), ("/a%252fb", None), ("/%25%32%65/hidden", None), ("/%%32%65/hidden", None),
    ("/%c0%ae%c0%ae/hidden", None), ("/a%c0%afb", None), ("/a%e0%80%afb", None), ("/a%f0%80%80%afb", None), ("/%00", None), ("/a%00.css", None),
    ("/a%0a", None), ("/a%0d%0aX:%20y", None), ("/a%09", None), ("/a%7f", None), ("/a%", None), ("/a%2", None), ("/a%zz", None), ("/%u002e%u002e/hidden", None),
    ("/a\x80b", None), ("/\xef\xbc\x8e\xef\xbc\x8e/hidden", None), ("/a%ed%a0%80", None), ("/a#hidden", None), ("/a\"b", None), ("/a<b", None), ("/a|b", None),
    ("/a^b", None), ("/a`b", None), ("/a{b}", None), ("/a?x=%zz", None), ("/a?x=%", None), ("/a?x=\x00", None), ("/a?x=\xff", None), ("/a?x=1#hidden", None),
    ("/a?access_token=t", None),
    ("/a%20b", "/a%20b"), ("/a+b", "/a+b"), ("/a%2Bb", "/a%2Bb"), ("/a%2bb", "/a%2Bb"), ("/%7Ea", "/~a"), ("/%41", "/A"), ("/A", "/A"), ("/a.", "/a."),
    ("/...", "/..."), ("/.a", "/.a"), ("/a%2e", "/a."), ("/%2e%2e%2e", "/..."), ("/a..b", "/a..b"), ("/%ef%bc%8fa", "/%EF%BC%8Fa"), ("/%E2%80%AEa", "/%E2%80%AEa"),
    ("/a?x=../hidden", "/a?x=../hidden"), ("/a?x=%2e%2e%2f", "/a?x=%2e%2e%2f"), ("/a?", "/a"), ("/a??x", "/a??x"), ("/a?x=1&x=2", "/a?x=1&x=2"),
    ("/a?x=%0d%0aX:y", "/a?x=%0d%0aX:y"), ("/a*", "/a*"), ("/a:b", "/a:b"), ("/a@b", "/a@b"), ("/a=b&c", "/a=b&c"), ("/(a),'b'!", "/(a),'b'!"), ("/a%3Fb", "/a%3Fb"),
    ("/a%23b", "/a%23b"), ("/a%25", "/a%25"), ("/a/b", "/a/b"),
]


def http1_cases():
    for field in TRANSFER_ENCODINGS:
        yield from lengths_and_chunks(f"{field!r}", field)
    for byte in ODD_BYTES:
        odd = chr(byte)
        for field in (f"Transfer-Encoding:{odd}chunked", f"Transfer-Encoding{odd}: chunked", f"{odd}Transfer-Encoding: chunked",
                      f"Transfer-Encoding: chunked{odd}"):
            yield next(lengths_and_chunks(f"{field!r}", field))
    for length in CONTENT_LENGTHS:
        yield Case(f"Content-Length: {length!r}", request(f"Content-Length: {length}", body="hello" + HIDDEN), bodies=(b"hello",), answers=2)
    for size, outcome in CHUNKS:
        yield Case(f"a chunk of {size!r}", request("Transfer-Encoding: chunked", body=f"{size}\r\nhello\r\n0\r\n\r\n" + HIDDEN), outcome,
                   bodies=(b"hello",), answers=2)
    for body in BODIES:
        yield Case(f"the body {body!r}", request("Transfer-Encoding: chunked", body=body + HIDDEN), bodies=(b"hello",), answers=2)
    yield Case("HTTP/1.0 with chunks", request("Transfer-Encoding: chunked", line="POST $P/outer HTTP/1.0", body=CHUNKED + HIDDEN), REFUSED)
    yield Case("HTTP/1.0 with a length", request("Content-Length: 5", line="POST $P/outer HTTP/1.0", body="hello" + HIDDEN), "$P/outer", (b"hello",))
    yield Case("lines that end with LF", request(line="GET $P/a HTTP/1.1").replace(b"\r\n", b"\n"), REFUSED)
    yield Case("a line that ends with LF", request("X: a").replace(b"Host: a.example\r\n", b"Host: a.example\n"), REFUSED)
    yield Case("an empty line before it", b"\r\n" + request(line="GET $P/a HTTP/1.1"))
    yield Case("a line feed before it", b"\n" + request(line="GET $P/a HTTP/1.1"))
    yield Case("a byte order mark before it", b"\xef\xbb\xbf" + request(line="GET $P/a HTTP/1.1"), REFUSED)
    yield Case("GET with a body that is a request", request("Content-Length: $L", line="GET $P/a HTTP/1.1", body=HIDDEN), bodies=(HIDDEN.encode(),))
    yield Case("HEAD with a body that is a request", request("Content-Length: $L", line="HEAD $P/a HTTP/1.1", body=HIDDEN))
    yield Case("two requests at once", request(line="GET $P/a HTTP/1.1") + HIDDEN.encode(), "$P/a", answers=2)
    for line, outcome in LINES:
        yield Case(f"the line {line!r}", request(line=line), outcome)
    for host, outcome in HOSTS:
        yield Case(f"{host!r}", request(line="GET $P/a HTTP/1.1", host=host), outcome)
    for field in FIELDS:
        yield Case(f"the field {field!r}", request(field, "Content-Length: 5", body="hello"), bodies=(b"hello",))
    for path, seen in PATHS:
        line = f"GET $P{path} HTTP/1.1"
        yield Case(f"the path {path!r}", request("Connection: close", line=line), None if seen is None else "$P" + seen)


class Http2Case(NamedTuple):
    name: str
    fields: list
    body: Optional[bytes] = None  # None: the fields end the request
    trailers: Optional[list] = None
    outcome: Optional[str] = None
    bodies: Optional[tuple] = None


PSEUDO = {":method": "POST", ":scheme": "http", ":path": "$P/outer", ":authority": "a.example"}
SPLIT = "x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN


def changed(**pseudo):
    """The pseudo-header fields with other values; None: without it."""
    fields = {**PSEUDO, **{f":{name}": value for name, value in pseudo.items()}}
    return [(name, value) for name, value in fields.items() if value is not None]


def http2_cases():
    def refused(name, fields, body=None, trailers=None):
        return Http2Case(name, fields, body, trailers, REFUSED)
    hidden = HIDDEN.encode()
    for name, values in {
            "method": ["", "GET ", "G ET", "GET $P/hidden HTTP/1.1\r\nX: a", "GET\0", "G\xffT", "CONNECT"],
            "path": ["", "a", "*", "$P/a b", "$P/a HTTP/1.1\r\nX: a", "$P/a\t", "$P/a\0", "$P/a\x7f", "http://b.example$P/a", "$P/a#b", "$P/../hidden",
                     "$P/%2e%2e/hidden", "$P//a", "$P/a%2fb", "$P/a\\b", "$P/a;x", "$P/a\xff", "//b.example$P/a", " $P/a"],
            "authority": ["a b", "a\r\nX: y", "a@b", "a/b", "a:80:90", "a\0", "", " a.example", "a?b", "a#b", "[::1"],
            "scheme": ["", "http://b.example/?", "ftp", "http\r\nX: y", "http "]}.items():
        for value in values:
            yield refused(f":{name} {value!r}", changed(**{name: value}))
        yield refused(f"no :{name}", changed(**{name: None}))
        yield refused(f":{name} twice", [*changed(), (":" + name, PSEUDO[":" + name])])
    yield refused("a pseudo-header field behind another", [*changed(path=None), ("x", "a"), (":path", "$P/a")])
    yield refused("an unknown pseudo-header field", [*changed(), (":x", "a")])
    yield refused(":status", [*changed(), (":status", "200")])
    yield refused(":protocol", [*changed(), (":protocol", "websocket")])
    for name, value in [("X", "a"), ("x y", "a"), ("x:y", "a"), ("x\r\ny", "a"), ("x\0", "a"), ("", "a"), ("x\xff", "a"), ("x: a\r\nhost", "b.example"),
                        ("x", SPLIT), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\0b"), ("x", " a"), ("x", "a\t"), ("cookie", "a\r\nX: y"),
                        ("transfer-encoding", "chunked"), ("transfer-encoding", "identity"), ("Transfer-Encoding", "chunked"), ("connection", "close"),
                        ("connection", "content-length"), ("keep-alive", "1"), ("proxy-connection", "close"), ("upgrade", "h2c"), ("te", "gzip"),
                        ("te", "trailers, chunked"), ("host", "b.example"), ("host", "a.example:81"), ("content-length", "+5"), ("content-length", "5, 5"),
                        ("content-length", "0x5"), ("content-length", ""), ("content-length", "4"), ("content-length", "6"),
                        ("content-length", "5\r\nX: y"), ("expect", "200-ok")]:
        yield refused(f"{name!r}: {value!r}", [*changed(), (name, value)], b"hello")
    # It is what it says, and forwarded, before more comes.
    yield Http2Case("a length of 0 and a body", [*changed(), ("content-length", "0")], b"hello", None, None, (b"",))
    yield refused("two lengths", [*changed(), ("content-length", "5"), ("content-length", "5")], b"hello")
    yield refused("two hosts", [*changed(authority=None), ("host", "a.example"), ("host", "a.example")])
    yield refused("a length and no body", [*changed(), ("content-length", "5")])
    for name, value in [("transfer_encoding", "chunked"), ("content_length", "0"), ("x-original-url", "$P/hidden"), ("x-http-method-override", "DELETE"),
                        ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-host", "b.example"), ("te", "trailers"), ("host", "a.example"),
                        ("content-length", "5"), ("content-length", "05"), ("http2-settings", "AAMAAABk"), ("trailer", "content-length")]:
        yield Http2Case(f"{name}: {value}", [*changed(), (name, value)], b"hello", None, "$P/outer", (b"hello",))
    for body in (b"0\r\n\r\n" + hidden, hidden, b"\r\n0\r\n\r\n" + hidden, b"5\r\nhello\r\n0\r\n\r\n", b""):
        yield Http2Case(f"the body {body!r}", changed(), body, None, "$P/outer", (body,))
    yield Http2Case("GET with a body that is a request", changed(method="GET"), hidden, None, None, (hidden,))
    yield Http2Case("host without :authority", [*changed(authority=None), ("host", "a.example")], None, None, "$P/outer")
    for trailer in [(":path", "$P/hidden"), (":method", "GET"), ("transfer-encoding", "chunked"), ("connection", "close"), ("X", "a"), ("x", "a\r\nb"), ("x y", "a")]:
        yield refused(f"the trailer {trailer!r}", changed(), b"hello", [trailer])
    for trailer in [("content-length", "0"), ("host", "b.example"), ("x", "a"), ("authorization", "Bearer a")]:
        yield Http2Case(f"the trailer {trailer!r}", changed(), b"hello", [trailer], None, (b"hello",))
    for path, seen in PATHS:
        yield Http2Case(f"the path {path!r}", changed(method="GET", path="$P" + path), None, None, REFUSED if seen is None else "$P" + seen)
