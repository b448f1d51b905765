#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""One JSON object of several files: join.py OUT KEY=FILE KEY[]=FILE...; KEY[] is a list ("KEY[]=" makes an
empty one). What is not there, or is not JSON because its part did not end, is left out and named."""
import json
import os
import sys


def main():
    out = {}
    for part in sys.argv[2:]:
        key, path = part.split('=', 1)
        name = key.removesuffix('[]')
        into = out.setdefault(name, []) if key != name else None
        if not path or not os.path.exists(path):
            continue
        try:
            with open(path, encoding='utf-8') as f:
                value = json.load(f)
        except ValueError:
            print(f'# {path}: this part did not end', file=sys.stderr)
            continue
        if into is None:
            out[name] = value
        else:
            into.append(value)
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        json.dump(out, f, indent=1)
        f.write('\n')


main()
