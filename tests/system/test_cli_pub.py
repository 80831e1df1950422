#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel pub: what it sends, what it reads, and what its exit status says."""

import json
import os
import signal
import subprocess
import unittest

from cli import PATIENCE, UMBEL, CliTest


class Payload(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def received(self, *args, **options):
        """What one `umbel pub t` with these arguments delivers, as an object."""
        sub = self.subscribe("--json", "--count", 1, "t")
        self.pub("t", *args, **options)
        return json.loads(self.finish(sub))

    def received_raw(self, *args, count=1, **options):
        sub = self.subscribe("--null", "--count", count, "t")
        self.pub("t", *args, **options)
        return self.finish(sub)

    def test_an_argument_is_sent_as_it_is(self):
        message = self.received("grüß dich  ")
        self.assertEqual(message["payload"], "grüß dich  ")
        self.assertEqual(message["headers"], {})
        self.assertEqual(message["sender"]["uid"], os.getuid())

    def test_all_of_stdin_is_one_message(self):
        data = bytes(range(256)) * 3000
        self.assertEqual(self.received_raw("--stdin", input=data), data + b"\0")

    def test_a_file_is_one_message(self):
        path = f"{self.folder}/file"
        with open(path, "wb") as file:
            file.write(b"two\nlines\n")
        self.assertEqual(self.received_raw("--file", path), b"two\nlines\n\0")

    def test_empty_is_a_message_without_payload(self):
        self.assertEqual(self.received_raw("--empty"), b"\0")

    def test_json_is_sent_as_it_is_spelt(self):
        text = '{ "a":\t[1.50, 12345678901234567890123] }'
        message = self.received_raw("--json", text)
        self.assertEqual(message, text.encode() + b"\0")
        message = self.received("--json", text)
        self.assertEqual(message["headers"], {"content-type": "json"})
        self.assertEqual(message["encoding"], "json")

    def test_msgpack_is_converted_from_json(self):
        message = self.received_raw("--msgpack", '{"a":[1,null,"x",0.5]}')
        self.assertEqual(message, b"\x81\xa1a\x94\x01\xc0\xa1x"
                                  b"\xcb\x3f\xe0\0\0\0\0\0\0\0")
        message = self.received("--msgpack", '{"a":[1,null,"x",0.5]}')
        self.assertEqual(message["headers"], {"content-type": "msgpack"})
        self.assertEqual(message["payload"], {"a": [1, None, "x", 0.5]})

    def test_text_that_is_not_json_is_refused_before_it_is_sent(self):
        for option in ("--json", "--msgpack"):
            result = self.umbel("pub", option, "t", "{nope")
            self.assertEqual(result.returncode, 2)
            self.assertIn(b"not JSON", result.stderr)

    def test_headers_travel_along(self):
        message = self.received("-H", "a=1", "--header", "b=x=y", "text")
        self.assertEqual(message["headers"], {"a": "1", "b": "x=y"})

    def test_a_content_type_of_ones_own_wins(self):
        message = self.received("--json", "-H", "content-type=application/a+json",
                                "[1]")
        self.assertEqual(message["headers"],
                         {"content-type": "application/a+json"})
        self.assertEqual(message["payload"], [1])

    def test_a_payload_that_begins_with_a_dash_goes_behind_two(self):
        result = self.umbel("pub", "t", "-5")
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--", result.stderr)
        sub = self.subscribe("--count", 1, "t")
        self.assertEqual(self.umbel("pub", "--", "t", "-5").returncode, 0)
        self.assertEqual(self.finish(sub), b"t -5\n")


class Stdin(CliTest):
    def test_nothing_to_publish_is_an_error_and_leaves_stdin_alone(self):
        result = subprocess.run(
            ["sh", "-c", f"{UMBEL} pub t; echo $?; cat"], input=b"untouched",
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE, check=True)
        self.assertEqual(result.stdout, b"2\nuntouched")
        self.assertIn(b"nothing to publish", result.stderr)
        self.assertIn(b"--lines", result.stderr)

    def test_a_while_read_loop_keeps_its_lines(self):
        self.start_broker()
        sub = self.subscribe("--count", 3, "t")
        subprocess.run(
            ["sh", "-c", f'while read -r line; do {UMBEL} pub t "$line"; done'],
            input=b"1\n2\n3\n", env=self.env, timeout=PATIENCE, check=True)
        self.assertEqual(self.finish(sub), b"t 1\nt 2\nt 3\n")

    def test_a_closed_stdin_is_no_trouble(self):
        self.start_broker()
        subprocess.run(["sh", "-c", f"{UMBEL} pub t x <&-"], env=self.env,
                       timeout=PATIENCE, check=True)

    def test_two_sources_are_one_too_many(self):
        for args in (["--lines", "--stdin"], ["--empty", "x"],
                     ["--file", "f", "--lines"]):
            result = self.umbel("pub", "t", *args)
            self.assertEqual(result.returncode, 2, args)
            self.assertIn(b"one source", result.stderr)


class Lines(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def received(self, data, count):
        sub = self.subscribe("--null", "--count", count, "t")
        self.pub("--lines", "t", input=data)
        return self.finish(sub)

    def test_each_line_is_a_message(self):
        self.assertEqual(self.received(b"a\n\nb c\n", 3), b"a\0\0b c\0")

    def test_a_last_line_without_its_end_counts(self):
        self.assertEqual(self.received(b"a\nb", 2), b"a\0b\0")

    def test_no_lines_are_no_messages(self):
        self.pub("--lines", "t", input=b"")

    def test_lines_may_be_long_and_hold_any_byte(self):
        lines = [b"\0nul\0", b"x" * 300000, b"\xff\r", b"y" * 65536]
        self.assertEqual(self.received(b"\n".join(lines), 4),
                         b"\0".join(lines) + b"\0")

    def test_a_line_goes_out_when_it_is_typed(self):
        sub = self.subscribe("t")
        pub = self.spawn(UMBEL, "pub", "--lines", "t", stdin=subprocess.PIPE)
        for line in (b"one\n", b"two\n"):
            pub.stdin.write(line)
            pub.stdin.flush()
            self.assertEqual(sub.stdout.readline(), b"t " + line)
        pub.stdin.close()
        self.assertEqual(pub.wait(PATIENCE), 0)

    def test_half_a_line_waits_for_its_other_half(self):
        sub = self.subscribe("--count", 1, "t")
        pub = self.spawn(UMBEL, "pub", "--lines", "t", stdin=subprocess.PIPE)
        for part in (b"ha", b"lf\n"):
            pub.stdin.write(part)
            pub.stdin.flush()
        self.assertEqual(self.finish(sub), b"t half\n")

    def test_a_line_longer_than_a_frame_is_named_and_those_before_it_arrive(self):
        sub = self.subscribe("--count", 1, "t")
        result = self.umbel("pub", "--lines", "t",
                            input=b"first\n" + b"x" * 5000000 + b"\nlast\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"line 2 is too long", result.stderr)
        self.assertEqual(self.finish(sub), b"t first\n")

    def test_a_line_that_is_not_json_is_named_and_those_before_it_arrive(self):
        sub = self.subscribe("--count", 1, "t")
        result = self.umbel("pub", "--lines", "--json", "t",
                            input=b'{"n":1}\noops\n{"n":3}\n')
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"line 2: not JSON", result.stderr)
        self.assertEqual(self.finish(sub), b't {"n":1}\n')

    def test_a_signal_ends_it_after_what_was_read_is_confirmed(self):
        sub = self.subscribe("t")
        pub = self.spawn(UMBEL, "pub", "--lines", "t", stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        pub.stdin.write(b"said\n")
        pub.stdin.flush()
        self.assertEqual(sub.stdout.readline(), b"t said\n")
        pub.send_signal(signal.SIGTERM)
        self.assertEqual(pub.wait(PATIENCE), 128 + signal.SIGTERM)
        self.assertEqual(pub.stderr.read(), b"")


class Status(CliTest):
    def test_require_subscriber_exits_3_when_nobody_listened(self):
        self.start_broker()
        result = self.umbel("pub", "--require-subscriber", "t", "x")
        self.assertEqual(result.returncode, 3)
        self.assertIn(b"nobody listened", result.stderr)

    def test_require_subscriber_exits_0_when_somebody_listened(self):
        self.start_broker()
        self.subscribe("t")
        self.pub("--require-subscriber", "t", "x")

    def test_a_publisher_to_nobody_is_fine(self):
        self.start_broker()
        self.pub("t", "x")

    def test_what_the_broker_refuses_exits_6(self):
        self.start_broker()
        result = self.umbel("pub", "$sys.x", "y")
        self.assertEqual(result.returncode, 6)
        self.assertIn(b"$sys.x", result.stderr)

    def test_wait_waits_for_a_broker(self):
        pub = self.spawn(UMBEL, "pub", "--wait", PATIENCE, "t", "x",
                         stderr=subprocess.PIPE)
        self.wait_for_line(pub.stderr, b"waiting for a broker")
        self.start_broker()
        self.assertEqual(pub.wait(PATIENCE), 0)

    def test_wait_ends(self):
        result = self.umbel("pub", "--wait", "0.1", "t", "x")
        self.assertEqual(result.returncode, 4)

    def test_a_broker_that_dies_leaves_messages_unconfirmed(self):
        broker = self.start_broker()
        sub = self.subscribe("t")
        pub = self.spawn(UMBEL, "pub", "--lines", "--wait", "0.5", "t",
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        pub.stdin.write(b"heard\n")
        pub.stdin.flush()
        self.assertEqual(sub.stdout.readline(), b"t heard\n")
        broker.send_signal(signal.SIGSTOP)
        pub.stdin.write(b"last words\n")
        pub.stdin.close()
        self.crash(broker)
        self.assertEqual(pub.wait(PATIENCE), 4)
        # whether the first was confirmed in time, we cannot know
        self.assertRegex(pub.stderr.read(), b"[12] of 2 messages unconfirmed")

    def test_what_was_confirmed_stays_so_when_the_broker_dies(self):
        broker = self.start_broker()
        pub = self.spawn(UMBEL, "pub", "--lines", "t", stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=dict(
                             self.env, UMBEL_DEBUG="1"))
        pub.stdin.write(b"heard\n")
        pub.stdin.flush()
        self.wait_for_line(pub.stderr, b"PONG")
        self.crash(broker)
        pub.stdin.close()
        self.assertEqual(pub.wait(PATIENCE), 0)

    def test_a_broker_that_stops_answering_ends_in_the_timeout(self):
        broker = self.start_broker()
        sub = self.subscribe("t")
        pub = self.spawn(UMBEL, "pub", "--lines", "--timeout", "2", "t",
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        pub.stdin.write(b"heard\n")
        pub.stdin.flush()
        self.assertEqual(sub.stdout.readline(), b"t heard\n")
        broker.send_signal(signal.SIGSTOP)
        pub.stdin.write(b"unheard\n")
        pub.stdin.close()
        self.assertEqual(pub.wait(PATIENCE), 5)
        self.assertRegex(pub.stderr.read(), b"[12] of 2 messages unconfirmed")

    def test_a_publisher_of_lines_survives_its_broker(self):
        broker = self.start_broker()
        sub = self.subscribe("t")
        pub = self.spawn(UMBEL, "pub", "--lines", "--wait", PATIENCE, "t",
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for word in (b"before", b"after"):
            pub.stdin.write(word + b"\n")
            pub.stdin.flush()
            self.wait_for_line(sub.stdout, word)
            if word == b"before":
                self.crash(broker)
                for program in (pub, sub):
                    self.wait_for_line(program.stderr, b"lost the broker")
                self.start_broker()
                for program in (pub, sub):
                    self.wait_for_line(program.stderr, b"connected again")
        pub.stdin.close()
        # "before" arrived; did its broker live to confirm it?
        if pub.wait(PATIENCE) != 0:
            self.assertEqual(pub.returncode, 4)
            self.assertIn(b"1 of 2 messages unconfirmed", pub.stderr.read())


if __name__ == "__main__":
    unittest.main()
