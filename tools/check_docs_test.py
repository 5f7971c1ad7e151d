#!/usr/bin/env python3
"""check_docs.py finds a number that is wrong in the program's result, and one that is missing in the text."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("check_docs.py")
# Stands for the program: writes what a study would.
PROGRAM = """#!/bin/sh
mkdir -p runs
echo '{"rate": 0.4306, "rows": [{"k": 6, "x": 1}, {"k": 7, "x": 2.5}], "points": [1, 2, 3]}' > runs/result.json
echo '{"said": 12.5}'
printf 'd,minima\\n1,3\\n2,2.55\\n' > runs/rows.csv
"""
PAGE = """# A page
The rate is {rate}, {count} points, x = 2.5, 12.5 is printed, never more than 3; 43 %.
```sh
cargo run --release -- study nothing --out runs  # a comment
cargo test
```
<!-- numbers: runs/result.json
rate = {checked}
count points = 3
rows[k=7].0.x = 2.5
rate = 43 %
-->
<!-- numbers: stdout
said = 12.5
-->
<!-- numbers: runs/rows.csv
max minima = 3 ± .01
-->
"""


def check(**texts):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program, page = folder / "collado", folder / "page.md"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        page.write_text(PAGE.format(**({"rate": ".431", "count": "3", "checked": ".431"} | texts)))
        words = [sys.executable, SCRIPT, "--binary", program, page]
        return subprocess.run(words, capture_output=True, text=True)


class CheckDocs(unittest.TestCase):
    def test_right_numbers_pass(self):
        done = check()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("6 numbers compared, 0 wrong", done.stdout)

    def test_a_wrong_number_fails(self):
        done = check(rate=".432", checked=".432")
        self.assertEqual(done.returncode, 1)
        self.assertIn("page.md:3: rate: stated .432, found 0.4306, tolerance 0.0005", done.stderr)

    def test_a_number_that_the_text_lacks_fails(self):
        done = check(rate=".4316")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the text does not have .431", done.stderr)

    def test_a_page_without_numbers_fails(self):
        with tempfile.TemporaryDirectory() as name:
            page = pathlib.Path(name) / "page.md"
            page.write_text("# Nothing\n")
            self.assertEqual(subprocess.run([sys.executable, SCRIPT, page], capture_output=True).returncode, 1)

    def test_links_lead_somewhere(self):
        with tempfile.TemporaryDirectory() as name:
            page = pathlib.Path(name) / "page.md"
            page.write_text("# A page\n[a](none.md) [b](#a-page) [c](#other)\n[d](https://x.y/z) [e](page.md#a-page)\n")
            done = subprocess.run([sys.executable, SCRIPT, page], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("page.md:2: none.md: no such file\n", done.stderr)
            self.assertIn("page.md:2: #other: no such heading\n", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)


if __name__ == "__main__":
    unittest.main()
