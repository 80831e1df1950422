#!/usr/bin/env python3
# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""umbel sub: what it prints, when, and how it ends."""

import base64
import json
import os
import pwd
import signal
import subprocess
import unittest

from cli import PATIENCE, UMBEL, CliTest


class Output(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def shown(self, *sub_args, pub=(), **options):
        """What sub prints for one message."""
        sub = self.subscribe("--count", 1, *sub_args, "t")
        self.pub("t", *pub, **options)
        return self.finish(sub)

    def test_text_is_shown_behind_its_topic(self):
        self.assertEqual(self.shown(pub=["häuser auf"]),
                         "t häuser auf\n".encode())

    def test_an_empty_payload_is_the_topic_alone(self):
        self.assertEqual(self.shown(pub=["--empty"]), b"t\n")

    def test_msgpack_is_shown_as_json(self):
        self.assertEqual(self.shown(pub=["--msgpack", '{"a": [1, "x"]}']),
                         b't {"a":[1,"x"]}\n')

    def test_a_msgpack_map_needs_no_content_type(self):
        self.assertEqual(self.shown(pub=["--stdin"], input=b"\x81\xa1a\x01"),
                         b't {"a":1}\n')

    def test_other_bytes_are_shown_as_hex(self):
        self.assertEqual(self.shown(pub=["--stdin"], input=b"\0\xff"),
                         b"t 0x00ff\n")

    def test_control_characters_never_get_out_raw(self):
        evil = b"\x1b]0;owned\x07\x9b2J\x7f"
        for content_type in ("text", "json", "msgpack", "x/y"):
            shown = self.shown(pub=["--stdin", "-H",
                                    f"content-type={content_type}"], input=evil)
            self.assertNotRegex(shown[:-1], b"[\x00-\x1f\x7f-\x9f]")
        shown = self.shown("--json", pub=["--stdin", "-H", "content-type=text"],
                           input="\x1b\x7f\x9b".encode())
        self.assertEqual(json.loads(shown)["payload"], "\x1b\x7f\x9b")
        self.assertNotRegex(shown[:-1].decode(), "[\x00-\x1f\x7f-\x9f]")

    def test_raw_is_the_payload_and_a_newline(self):
        data = bytes(range(256))
        self.assertEqual(self.shown("--raw", pub=["--stdin"], input=data),
                         data + b"\n")

    def test_null_is_the_payload_and_a_nul(self):
        self.assertEqual(self.shown("--null", pub=["a\nb"]), b"a\nb\0")

    def test_sender_tells_user_and_session(self):
        self.assertRegex(self.shown("--sender", pub=["x"]).decode(),
                         rf"^t {pwd.getpwuid(os.getuid()).pw_name}@\d+ x\n$")

    def test_json_tells_everything(self):
        shown = json.loads(self.shown("--json", pub=["-H", "k=v", "text"]))
        self.assertGreater(shown["sender"].pop("session"), 0)
        self.assertEqual(shown, {
            "topic": "t", "payload": "text", "encoding": "text",
            "sender": {"uid": os.getuid()}, "headers": {"k": "v"}})

    def test_json_has_bytes_as_base64(self):
        shown = json.loads(self.shown("--json", pub=["--stdin"], input=b"\0\xff"))
        self.assertEqual(shown["encoding"], "base64")
        self.assertEqual(base64.b64decode(shown["payload"]), b"\0\xff")

    def test_a_message_of_two_filters_is_printed_once(self):
        sub = self.subscribe("--count", 2, "a.*", "a.b", "**")
        self.pub("a.b", "1")
        self.pub("c", "2")
        self.assertEqual(self.finish(sub), b"a.b 1\nc 2\n")

    def test_output_comes_at_once_into_a_pipe(self):
        sub = self.subscribe("**")
        for number in range(3):
            self.pub("t", number)
            self.assertEqual(sub.stdout.readline(), b"t %d\n" % number)

    def test_a_burst_is_complete_and_in_order(self):
        sub = self.subscribe("--raw", "--count", 50000, "t")
        lines = b"".join(b"%d\n" % number for number in range(50000))
        self.pub("--lines", "t", input=lines)
        self.assertEqual(self.finish(sub), lines)

    def test_count_prints_no_more_than_that(self):
        sub = self.subscribe("--raw", "--count", 10, "t")
        self.pub("--lines", "t", input=b"x\n" * 1000)
        self.assertEqual(self.finish(sub), b"x\n" * 10)


class Commands(CliTest):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_on_ready_runs_when_all_subscriptions_stand(self):
        result = self.umbel("sub", "--count", 2, "--on-ready",
                            f"{UMBEL} pub a 1; {UMBEL} pub b 2", "a", "b")
        self.assertEqual((result.returncode, result.stdout), (0, b"a 1\nb 2\n"))

    def test_on_ready_finds_the_socket_of_the_option(self):
        del self.env["UMBEL_SOCKET"]
        result = self.umbel("sub", "-s", self.socket, "--count", 1,
                            "--on-ready", f"{UMBEL} pub a 1", "a")
        self.assertEqual((result.returncode, result.stdout), (0, b"a 1\n"))

    def test_sub_ends_no_sooner_than_its_on_ready(self):
        result = self.umbel("sub", "--count", 1, "--on-ready",
                            f"{UMBEL} pub a 1; echo end", "a")
        self.assertIn(b"end\n", result.stdout)

    def test_an_on_ready_that_fails_is_told(self):
        result = self.umbel("sub", "--count", 1, "--on-ready",
                            f"{UMBEL} pub a 1; exit 7", "a")
        self.assertIn(b"exit status 7", result.stderr)
        self.assertEqual(result.returncode, 1)

    def test_an_on_ready_that_fails_is_the_end(self):
        result = self.umbel("sub", "--on-ready", "false", "a")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"--on-ready: false: exit status 1", result.stderr)

    def test_exec_gets_payload_and_circumstances(self):
        sub = self.subscribe(
            "--count", 1, "--exec",
            'echo "$UMBEL_TOPIC|$UMBEL_SENDER_UID|$UMBEL_CONTENT_TYPE|'
            '${UMBEL_REPLY-none}|$(cat)"', "a.*")
        self.pub("--json", "a.b", "[1]")
        self.assertEqual(self.finish(sub),
                         f"a.b|{os.getuid()}|json|none|[1]\n".encode())

    def test_exec_runs_one_command_after_the_other(self):
        sub = self.subscribe("--count", 50, "--exec",
                             "echo begin; cat; echo; echo end", "t")
        self.pub("--lines", "t", input=b"".join(b"%d\n" % n for n in range(50)))
        self.assertEqual(self.finish(sub), b"".join(
            b"begin\n%d\nend\n" % n for n in range(50)))

    def test_exec_takes_a_payload_larger_than_a_pipe(self):
        sub = self.subscribe("--count", 1, "--exec", "wc -c", "t")
        self.pub("--stdin", "t", input=b"x" * 1000000)
        self.assertEqual(self.finish(sub).strip(), b"1000000")

    def test_exec_need_not_read_its_payload(self):
        sub = self.subscribe("--count", 2, "--exec", "echo ignored", "t")
        for _ in range(2):
            self.pub("--stdin", "t", input=b"x" * 1000000)
        self.assertEqual(self.finish(sub), b"ignored\nignored\n")

    def test_a_signal_waits_for_the_command_that_has_a_message_in_hand(self):
        gate = f"{self.folder}/gate"
        os.mkfifo(gate)
        sub = self.subscribe("--exec", f"echo begun; cat {gate}; wc -c", "t")
        self.pub("--stdin", "t", input=b"x" * 1000000)
        self.assertEqual(sub.stdout.readline(), b"begun\n")
        sub.send_signal(signal.SIGTERM)
        with open(gate, "w", encoding="ascii") as opened:
            opened.write("go\n")
        self.assertEqual(self.finish(sub).split(), [b"go", b"1000000"])

    def test_an_exec_that_fails_is_told_and_exits_1_in_the_end(self):
        sub = self.subscribe("--count", 2, "--exec", 'exit $(cat)', "t")
        self.pub("t", "3")
        self.pub("t", "0")
        _, err = sub.communicate(timeout=PATIENCE)
        self.assertEqual(sub.returncode, 1)
        self.assertEqual(err.count(b"exit status 3"), 1)


class End(CliTest):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def test_the_time_is_over_before_the_count(self):
        result = self.umbel("sub", "--count", 1, "--timeout", "0.1", "t")
        self.assertEqual(result.returncode, 5)
        self.assertIn(b"umbel: timed out: 0 messages of 1\n", result.stderr)

    def test_the_time_is_over_without_a_count(self):
        result = self.umbel("sub", "--timeout", "0.1", "t")
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_the_time_is_over_in_the_midst_of_messages(self):
        yes = self.spawn("yes", stdout=subprocess.PIPE)
        self.spawn(UMBEL, "pub", "--lines", "t", stdin=yes.stdout,
                   stderr=subprocess.DEVNULL)
        sub = self.umbel("sub", "--timeout", "0.5", "t",
                         stdout=subprocess.DEVNULL)
        self.assertEqual((sub.returncode, sub.stderr), (0, b""))

    def test_a_signal_is_an_end_like_any_other(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            sub = self.subscribe("t")
            self.pub("t", "x")
            self.assertEqual(sub.stdout.readline(), b"t x\n")
            sub.send_signal(number)
            self.assertEqual(self.finish(sub), b"")

    def test_a_signal_before_the_count_says_so(self):
        sub = self.subscribe("--count", 1, "t")
        sub.send_signal(signal.SIGINT)
        self.assertEqual(sub.wait(PATIENCE), 128 + signal.SIGINT)

    def test_it_ends_when_its_reader_has_gone(self):
        sub = self.subscribe("t")
        sub.stdout.close()
        self.assertEqual(sub.wait(PATIENCE), 0)
        self.assertEqual(sub.stderr.read(), b"")

    def test_it_ends_behind_head(self):
        reader = self.spawn("head", "-n", "1", stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
        sub = self.subscribe("t", stdout=reader.stdin)
        reader.stdin.close()
        self.pub("--lines", "t", input=b"x\n" * 100000)
        self.assertEqual(reader.stdout.read(), b"t x\n")
        self.assertEqual(sub.wait(PATIENCE), 0)

    def test_a_full_pipe_does_not_keep_a_signal_away(self):
        sub = self.subscribe("t")
        self.pub("--lines", "t", input=b"x" * 1000 + b"\n" * 1000)
        sub.send_signal(signal.SIGTERM)
        self.assertEqual(sub.wait(PATIENCE), 0)

    def test_a_stdout_that_does_not_block_gets_everything(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        sub = self.subscribe("--raw", "--count", 3, "t", stdout=writer)
        os.close(writer)
        line = b"x" * 300000 + b"\n"
        self.pub("--lines", "t", input=line * 3)
        with open(reader, "rb") as output:
            self.assertEqual(output.read(), line * 3)
        self.assertEqual(sub.wait(PATIENCE), 0)

    def test_what_was_lost_is_told_again_at_the_end(self):
        reader = self.subscribe("--overflow", "drop-oldest", "t", stdout=subprocess.DEVNULL)
        reader.send_signal(signal.SIGSTOP)
        line = b"x" * 1000000 + b"\n"
        self.pub("--lines", "t", input=line * 40)  # of which 8 MiB, and what the socket takes, wait
        reader.send_signal(signal.SIGCONT)
        first = self.wait_for_line(reader.stderr, b"lost")
        self.assertRegex(first, rb"lost \d+ messages? here")
        reader.send_signal(signal.SIGINT)
        said = reader.stderr.read()
        self.assertRegex(said, rb"umbel: \d+ messages were lost in all\n$")
        self.assertEqual(reader.wait(PATIENCE), 0)

    def test_a_stdout_that_takes_nothing_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            sub = self.subscribe("t", stdout=full)
            self.pub("t", "x")
            self.assertEqual(sub.wait(PATIENCE), 1)
        self.assertIn(b"cannot write to stdout", sub.stderr.read())

    def test_a_closed_stdout_is_a_failure(self):
        result = subprocess.run(
            ["sh", "-c", f'{UMBEL} sub --on-ready "{UMBEL} pub t x" t >&-'],
            env=self.env, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"cannot write to stdout", result.stderr)

    def test_a_filter_that_is_refused_exits_6(self):
        result = self.umbel("sub", "$inbox.not.mine")
        self.assertEqual(result.returncode, 6)
        self.assertIn(b"umbel: no subscription to $inbox.not.mine: ", result.stderr)
        self.assertEqual(result.stderr.count(b"subscri"), 1, result.stderr)

    def test_a_lost_broker_is_told_and_found_again(self):
        sub = self.subscribe("t")
        self.crash(self.broker)
        self.wait_for_line(sub.stderr, b"lost the broker")
        self.start_broker()
        self.wait_for_line(sub.stderr, b"connected again")
        self.pub("t", "back")
        self.assertEqual(sub.stdout.readline(), b"t back\n")

    def test_a_broker_that_leaves_in_order_is_told(self):
        sub = self.subscribe("t")
        self.broker.terminate()
        self.wait_for_line(sub.stderr, b"going down")
        self.assertEqual(self.broker.wait(PATIENCE), 0)
        self.start_broker()
        self.wait_for_line(sub.stderr, b"connected again")


class Wills(CliTest):
    """Of sub, and of the other verbs that stay."""

    VERBS = {"sub": ["t"], "reply": ["t", "--exec", "cat"], "pub": ["--lines", "t"]}

    def start_verb(self, verb, *will):
        """It stands, and its will is the broker's."""
        watcher = self.subscribe("--count", 1, "$SYS.client.connected")
        process = self.spawn(UMBEL, verb, *will, *self.VERBS[verb], stdin=subprocess.PIPE)
        self.finish(watcher)
        return process

    def test_the_will_of_who_is_killed_is_published(self):
        self.start_broker()
        for verb in self.VERBS:
            with self.subTest(verb=verb):
                watcher = self.subscribe("--count", 1, "will.*")
                self.start_verb(verb, "--will-topic", f"will.{verb}", "--will-payload", "gone").kill()
                self.assertEqual(self.finish(watcher), f"will.{verb} gone\n".encode())

    def test_it_may_become_the_last_value_and_have_no_payload(self):
        self.start_broker()
        watcher = self.subscribe("--count", 1, "will.*")
        self.start_verb("sub", "--will-topic", "will.kept", "--will-retain").kill()
        self.assertEqual(self.finish(watcher), b"will.kept\n")
        # a retained message without payload clears
        self.assertEqual(self.umbel("get", "will.kept").returncode, 1)
        watcher = self.subscribe("--count", 1, "will.*")
        self.start_verb("sub", "--will-topic", "will.kept", "--will-retain", "--will-payload", "x").kill()
        self.finish(watcher)
        self.assertEqual(self.umbel("get", "will.kept").stdout, b"x\n")

    def test_who_ends_in_order_leaves_none(self):
        self.start_broker()
        watcher = self.subscribe("--count", 1, "will.*")
        for verb in self.VERBS:
            process = self.start_verb(verb, "--will-topic", f"will.{verb}")
            process.terminate()
            process.wait(PATIENCE)
        process = self.start_verb("pub", "--will-topic", "will.pub")
        process.stdin.close()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.pub("will.marker", "end")
        self.assertEqual(self.finish(watcher), b"will.marker end\n")

    def test_one_that_cannot_be_is_refused(self):
        for words, said in ((["--will-payload", "x"], b"which topic"), (["--will-topic", "a.*"], b"not a topic"),
                            (["--will-topic", "$SYS.x"], b"$SYS.x"),
                            (["--will-topic", "w", "--will-payload", "x" * 16384], b"16384")):
            for verb, rest in self.VERBS.items():
                done = self.umbel(verb, *words, *rest)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(said, done.stderr)

    def test_one_that_the_rules_do_not_allow_exits_6(self):
        with open(f"{self.folder}/rules.yaml", "w", encoding="utf-8") as file:
            file.write("acl:\n  - {allow: [subscribe], who: [everyone], topics: ['**']}\n")
        self.start_broker("--config", f"{self.folder}/rules.yaml")
        done = self.umbel("sub", "--will-topic", "will.sub", "t")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(b"the will: publish: no rule", done.stderr)


if __name__ == "__main__":
    unittest.main()
