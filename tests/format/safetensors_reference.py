#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exchange of files with the reference implementation (PyPI: safetensors, numpy).

    safetensors_reference.py PATH_OF_SAFETENSORS_EXCHANGE

Exit code: 0 agreed, 1 differed, 77 the packages are not installed.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import numpy
    import safetensors
    import safetensors.numpy
except ImportError as reason:
    print("skipped:", reason)
    sys.exit(77)

EIGHT = {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}
SHAPES = [(), (1,), (5,), (3, 4), (2, 1, 3, 2), (0,), (4, 0, 2)]
# Types that numpy has no name for: name for the reference's writer, bytes of one element.
RAW_TYPES = {"bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1}
NUMPY_TYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
               "float16", "float32", "float64"]


def content(blob):
    """What the reference reads: name -> (dtype, shape, bytes)."""
    return {name: (t["dtype"], list(t["shape"]), bytes(t["data"]))
            for name, t in safetensors.deserialize(blob)}


def header_of(blob):
    (size,) = struct.unpack("<Q", blob[:8])
    return json.loads(blob[8:8 + size])


def with_header(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def numpy_file(random):
    """A file from the reference's numpy writer, all types and ranks."""
    tensors = {}
    for dtype in NUMPY_TYPES:
        for i, shape in enumerate(SHAPES):
            count = int(numpy.prod(shape))
            raw = random.bytes(count * numpy.dtype(dtype).itemsize)
            if dtype == "bool":
                raw = bytes(b & 1 for b in raw)
            tensors[f"{dtype}.{i}.weight \u00e9\n"] = numpy.frombuffer(raw, dtype).reshape(shape)
    return safetensors.numpy.save(tensors, {"format": "pt \"quoted\" \u00e9"})


def raw_file(random):
    """A file of the reference's writer with the types numpy lacks; None if its API is too old."""
    if not hasattr(safetensors, "TensorSpec"):
        return None
    tensors, memory = {}, []
    for dtype, size in RAW_TYPES.items():
        for i, shape in enumerate(SHAPES):
            raw = numpy.frombuffer(random.bytes(int(numpy.prod(shape)) * size), "uint8")
            memory.append(raw)  # the reference keeps only the address
            tensors[f"{dtype}.{i}"] = safetensors.TensorSpec(
                dtype=dtype, shape=list(shape), data_ptr=raw.ctypes.data, data_len=raw.nbytes)
    return bytes(safetensors.serialize(tensors))


def unaligned_file(random):
    """A file by hand: names in no order, odd offsets, unpadded header, bfloat16."""
    entries, data = {}, b""
    for i, (dtype, size) in enumerate([("U8", 1), ("BF16", 2), ("F64", 8), ("F8_E4M3", 1),
                                       ("F32", 4), ("I64", 8), ("F16", 2)]):
        end = len(data) + 3 * size
        entries[f"{9 - i}"] = {"dtype": dtype, "shape": [3, 1], "data_offsets": [len(data), end]}
        data += random.bytes(3 * size)
    return with_header(entries, data)


def hostile_files():
    """name -> bytes. The reference refuses each, which the test checks first."""
    good = with_header({"t": EIGHT}, bytes(8))
    yield "empty", b""
    yield "seven bytes", good[:7]
    yield "header cut", good[:20]
    yield "data cut", good[:-1]
    yield "trailing byte", good + b"\0"
    yield "empty header", struct.pack("<Q", 0)
    yield "huge header", struct.pack("<Q", 2**64 - 1) + good[8:]
    yield "header above the limit", struct.pack("<Q", 100_000_001) + good[8:]
    for text in [b"[]", b"null", b"{", b"{}}", b"{} x", b"{}\0", b'{"t"}', b'{"\xff":1}',
                 b'{"t":1}', b'{"t":' + b"[" * 1_000_000, b'{"t":' + b'{"a":' * 1_000_000,
                 b'{"t":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}}']:
        yield "header " + repr(text[:70]), with_header(text, bytes(8) if b"shape" in text else b"")
    for change in [{"dtype": "U9"}, {"dtype": 1}, {"shape": [7]}, {"shape": [9]}, {"shape": []},
                   {"shape": [-8]}, {"shape": [8.0]}, {"shape": ["8"]}, {"shape": 8},
                   {"shape": [2**64 + 8]}, {"shape": [2**32, 2**32]}, {"shape": [2**62, 4, 0]},
                   {"dtype": "F64", "shape": [2**61 + 1]}, {"data_offsets": [8, 0]},
                   {"data_offsets": [0, 9]}, {"data_offsets": [1, 9]}, {"data_offsets": [-8, 0]},
                   {"data_offsets": [0, 7]}, {"data_offsets": [0]}, {"data_offsets": [0, 8, 8]},
                   {"data_offsets": [2**64 - 8, 2**64 - 1]}, {"data_offsets": [0.0, 8.0]}]:
        yield f"entry {change}", with_header({"t": {**EIGHT, **change}}, bytes(8))
    for key in EIGHT:
        rest = {k: v for k, v in EIGHT.items() if k != key}
        yield f"no {key}", with_header({"t": rest}, bytes(8))
    for a, b in [((0, 4), (3, 7)), ((0, 4), (0, 4)), ((4, 8), (2, 6)), ((0, 3), (4, 8))]:
        yield f"tensors {a} {b}", with_header(
            {n: {"dtype": "U8", "shape": [e - s], "data_offsets": [s, e]}
             for n, (s, e) in (("a", a), ("b", b))}, bytes(8))
    for value in [1, "a", [], {"k": 1}, {"k": None}, {"k": {}}]:
        yield f"metadata {value}", with_header({"__metadata__": value, "t": EIGHT}, bytes(8))


def main(exchange):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "from"), pathlib.Path(folder, "to")

        def run(blob):
            target.unlink(missing_ok=True)
            source.write_bytes(blob)
            return subprocess.run([exchange, source, target], capture_output=True, text=True)

        random = numpy.random.default_rng(5)
        exchanged = 0
        for make in (numpy_file, raw_file, unaligned_file):
            blob = make(random)
            if blob is None:
                print(f"{make.__name__}: not with safetensors {safetensors.__version__}")
                continue
            done = run(blob)
            if done.returncode != 0:
                failures.append(f"{make.__name__}: refused: {done.stderr}")
                continue
            back = target.read_bytes()
            if content(back) != content(blob):
                failures.append(f"{make.__name__}: other tensors came back")
            if header_of(back).get("__metadata__") != header_of(blob).get("__metadata__"):
                failures.append(f"{make.__name__}: other metadata came back")
            # What the reference wrote comes back as the same file, order and padding included.
            if make is not unaligned_file and back != blob:
                failures.append(f"{make.__name__}: the same tensors in another file")
            exchanged += len(content(blob))

        hostile = 0
        for name, blob in hostile_files():
            try:
                safetensors.deserialize(blob)
                failures.append(f"{name}: the reference accepts it")
            except safetensors.SafetensorError:
                pass
            done = run(blob)
            if done.returncode != 2 or target.exists():
                failures.append(f"{name}: exit code {done.returncode}, not refused")
            hostile += 1

    print(f"{exchanged} tensors exchanged, {hostile} hostile files, {len(failures)} failures")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
