"""What a file may look like after an accident or on purpose: bytes, lines, JSON values, arrays.

A mutator takes the good bytes and a random.Random and returns other bytes. Everything is drawn from
that, so a run is the same every time.
"""

import io
import json
import re
import struct
import zipfile

import numpy as np

BIG = [0, 1, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63]
TOKENS = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\t", b"\n", b"\r", b'"', b"'", b"\\", b",", b":", b"#"),
    *("\u2028".encode(), "\x85".encode(), "ä".encode(), b"\xed\xa0\x80", b"\x1b[31m", b"\x0c"),
    *(b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"1.5", b"9" * 400, b"9" * 5000, b"null"),
    *(b"../../x", b"/dev/zero", b"# order: ", b"&a ", b"*a", b"<<: ", b"!!python/name:x ", b"- "),
    *(b"[" * 3000, b"{" * 200, b'{"a":' * 1500, b"(" * 300, b"- " * 500, b"[]", b"{}", b"\\ud800"),
]
VALUES = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**30, -(10**30), 1e308, float("nan")),
    *(float("inf"), "", "x", "../x", "a\tb", "a\nb", "\u2028", "\ud800", "9" * 100, "x" * 5000),
    *([], {}, [[]], [None], {"": None}, [[[[[[[1]]]]]]], list(range(300)), {"id": {}}, [{}, [], 1]),
]
NUMBER = re.compile(rb"\d+")
MOST = 1 << 20  # bytes; a mutation does not grow beyond


def mutate_bytes(data, rng):
    """Flipped bits, cuts, blocks moved or repeated, big numbers, words that mean something."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 2, 4, 8, 30, 200))
        block = data[at : at + length]
        kind = rng.randrange(9)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = block * rng.choice((1, 2, 50, 1000))
        elif kind == 4:
            other = rng.randrange(len(data) + 1)
            data[other : other + len(block)] = block
        elif kind == 5:
            packing = rng.choice("<>") + rng.choice("HIQ")
            size = struct.calcsize(packing)
            number = rng.choice(BIG) % 256**size
            data[at : at + size] = struct.pack(packing, number)
        elif kind == 6:
            data[at : at + rng.choice((0, 1, length))] = rng.choice(TOKENS)
        elif kind == 7:
            data[at : at + length] = rng.randbytes(len(block))
        else:
            found = list(NUMBER.finditer(bytes(data[at : at + 5000])))
            if found:
                number = rng.choice(found)
                sign = rng.choice((b"", b"-"))
                new = sign + str(rng.choice(BIG)).encode()
                data[at + number.start() : at + number.end()] = new
        del data[MOST:]
    return bytes(data)


def mutate_lines(data, rng):
    """Lines and their fields dropped, doubled, exchanged, joined."""
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(7)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 3:
        lines[at] += lines[other]
    elif kind == 4:
        lines = []
    else:
        separator = rng.choice((b"\t", b",", b" ", b": "))
        fields = lines[at].split(separator)
        field = rng.randrange(len(fields))
        fields[field] = rng.choice((rng.choice(TOKENS), b"", fields[-1], fields[0], b"-1", b"7"))
        if kind == 6:
            fields.append(fields[field])
        lines[at] = separator.join(fields)
    return b"\n".join(lines)


def mutate_json(data, rng):
    """One value of a JSON text replaced by one of another kind, taken out, or put in twice."""
    value = json.loads(data)
    if not isinstance(value, (dict, list)) or rng.random() < 0.05:
        value = rng.choice(VALUES)
    else:
        _change(value, rng)
    text = json.dumps(value)
    if rng.random() < 0.05:  # a key that appears twice
        text = text.replace("{", '{"id": 1, "id": 2, ', 1)
    return text.encode()


def _change(value, rng):
    holder = value
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(holder[key], (dict, list)) or rng.random() < 0.3:
            break
        holder = holder[key]
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif kind == 1:
        holder[rng.choice(("x", "", "id", "name"))] = holder[key]
    elif kind == 2 and isinstance(holder[key], str):
        holder[key] = mutate_bytes(holder[key].encode(), rng).decode("utf-8", "replace")[:1000]
    else:
        holder[key] = rng.choice(VALUES)


def mutate_json_lines(data, rng):
    """mutate_json in one line of a file of lines of JSON."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = mutate_json(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def mutate_npz(data, rng):
    """An .npz whose checksums are right: an array missing, of another type or shape, damaged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = rng.choice(sorted(members))
    kind = rng.randrange(5)
    if kind == 0:
        del members[name]
    elif kind == 1:
        members[name] = mutate_bytes(members[name], rng)
    elif kind == 2:  # the header alone
        members[name] = mutate_bytes(members[name][:128], rng) + members[name][128:]
    elif kind == 3:
        members[name] = npy(np.array(rng.choice(VALUES[:-9])), as_object=True)
    else:
        members[name] = npy(_other(np.load(io.BytesIO(members[name])), rng))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((0, 8))) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def mutate_npy(data, rng):
    """A .npy file of another type or shape, or with another header."""
    if rng.random() < 0.5:
        return mutate_bytes(data[:128], rng) + data[128:]
    return npy(_other(np.load(io.BytesIO(data)), rng))


def npy(array, as_object=False):
    """The bytes of a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=as_object)
    return buffer.getvalue()


def _other(array, rng):
    """The array as another type, another shape, or with a value that is out of range."""
    kind = rng.randrange(5)
    if kind == 0:
        types = ("<f8", ">f4", "<i8", ">i2", "|u1", "|b1", "<U3", "|S2", "<c8", "<f2", "<M8[s]")
        with np.errstate(all="ignore"):
            try:
                return array.astype(rng.choice(types))
            except ValueError:  # a text that is not a number
                return array
    if kind == 1:
        return array[None]
    if kind == 2:
        return array.reshape(-1)
    if kind == 3:
        return array[: rng.randrange(2)] if array.ndim else np.zeros((2, 2))
    changed = array.copy()
    if changed.size and changed.dtype.kind in "iuf":
        limits = np.iinfo if changed.dtype.kind in "iu" else np.finfo
        values = [limits(changed.dtype).max, limits(changed.dtype).min, 0]
        changed.flat[rng.randrange(changed.size)] = rng.choice(values)
        if changed.dtype.kind == "f" and rng.random() < 0.5:
            changed.flat[0] = np.nan
    elif changed.size and changed.dtype.kind == "U":
        changed.flat[0] = rng.choice(("", "{", "a\tb", "[[[", "NaN", '{"a": 1}'))
    return changed
