# SPDX-License-Identifier: GPL-2.0
"""Runs programs: hands on their lines as they come, and bounds their time."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading


def ended(number, _frame):
    """A signal's handler: whoever ends the run ends what it has begun as well."""
    sys.exit(128 + number)


class Ended(Exception):
    """All programs are being ended: there is no time for another."""


class Program:
    """A program in a session of its own, so that it can be ended whole."""

    running = set()
    ending = False
    # Guards both
    all_lock = threading.Lock()

    def __init__(self, argv, log, show, seconds, who, cwd=None):
        self.who = who
        self.seconds = seconds
        self.show = show
        self.log = open(log, "w", encoding="utf-8")
        self.lock = threading.Lock()
        self.timed_out = False
        with self.all_lock:
            if Program.ending:
                self.log.close()
                raise Ended(who)
            self.process = subprocess.Popen(
                [str(a) for a in argv], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
                start_new_session=True)
            self.running.add(self)

    def _write(self, line):
        with self.lock:
            self.log.write(line)
            self.log.flush()

    def _errors(self):
        for line in self.process.stderr:
            self._write(line)
            self.show.pass_on(f"{self.who}: {line}")

    def _expire(self):
        self.timed_out = True
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def lines(self):
        """Its output, line by line, until it has ended."""
        errors = threading.Thread(target=self._errors)
        timer = threading.Timer(self.seconds, self._expire)
        errors.start()
        timer.start()
        try:
            for line in self.process.stdout:
                self._write(line)
                yield line
            self.process.wait()
        finally:
            timer.cancel()
            if self.process.poll() is None:
                self.kill()
                self.process.wait()
            self.running.discard(self)
            errors.join()
            self.log.close()

    @property
    def status(self):
        """Its exit status, or None if it had to be ended."""
        return None if self.timed_out else self.process.returncode

    @classmethod
    def end_all(cls):
        """End those that run, and let no other begin until allow() is called."""
        with cls.all_lock:
            cls.ending = True
            running = list(cls.running)
        for program in running:
            program.kill()

    @classmethod
    def allow(cls):
        """Nobody is left who could begin one too late."""
        cls.ending = False


def side_by_side(works, jobs):
    """Call them all, JOBS at a time; if one raises, end what runs and raise that."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work) for work in works]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            Program.end_all()
            pool.shutdown(cancel_futures=True)
            Program.allow()
            raise
