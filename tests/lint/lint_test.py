#!/usr/bin/env python3
"""The lints catch what they are for: each is run on a small tree that breaks its rule, and on one
that does not. Exits 1 on a failure, as unittest does."""

import tempfile
import unittest
from pathlib import Path

import housekeeping
import layers
import proto_comments
import proto_numbers
import sql_style
from source_tree import tokens


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penstock-lint-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def assert_found(self, problems, *parts):
        """Exactly one problem, which says all of this."""
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])


class TokensTest(unittest.TestCase):
    def test_leaves_out_comments_and_joins_literals(self):
        found = tokens('a = "x" // "no"\n  "y" /* z */ + R"(r"q)" \'"\';')
        self.assertEqual([(type_, text) for type_, text, _ in found],
                         [("word", "a"), ("symbol", "="), ("string", "xy"), ("symbol", "+"),
                          ("string", 'r"q'), ("char", "'\"'"), ("symbol", ";")])

    def test_counts_lines_over_strings_and_macros(self):
        found = tokens('#define A \\\n  b\nR"(1\n2)" c 1\'000 d')
        self.assertEqual([(text, line) for type_, text, line in found if type_ == "word"],
                         [("define", 1), ("A", 1), ("b", 2), ("c", 4), ("d", 4)])


class LayersTest(LintTest):
    def problems(self, path, text):
        self.write(path, text)
        return layers.check(self.root)

    def test_the_table_has_no_cycle(self):
        self.assertEqual(layers.check_table(), [])

    def test_a_cycle_in_the_table_is_found(self):
        saved = dict(layers.FOLDERS)
        self.addCleanup(lambda: (layers.FOLDERS.clear(), layers.FOLDERS.update(saved)))
        layers.FOLDERS["base"] = ["storage/db"]
        self.assert_found(layers.check_table(), "base names storage/db")

    def test_what_is_allowed_passes(self):
        self.write("base/json.h", "#include <nlohmann/json.hpp>\n#include <vector>\n")
        self.write("storage/db/database.cc",
                   '#include <sqlite3.h>\n#include "base/json.h"\n#include "storage/db/database.h"\n')
        self.write("storage/db/database.h", "")
        self.write("tests/unit/db/db_test.cc", '#include <sqlite3.h>\n#include "gtest/gtest.h"\n')
        self.assertEqual(layers.check(self.root), [])

    def test_upward_include(self):
        self.write("server/engine/engine.h")
        self.assert_found(self.problems("base/a.cc", '// x\n#include "server/engine/engine.h"\n'),
                          "base/a.cc:2", "base may not include server/engine")

    def test_worker_never_links_the_database(self):
        self.write("storage/db/database.h")
        self.assert_found(self.problems("worker/main.cc", '#include "storage/db/database.h"\n'),
                          "worker may not include storage/db")

    def test_server_and_worker_never_include_each_other(self):
        self.write("worker/agent/agent.h")
        self.assert_found(self.problems("server/main.cc", '#include "worker/agent/agent.h"\n'),
                          "server may not include worker/agent")
        (self.root / "server/main.cc").unlink()
        self.write("server/core/dag.h")
        self.assert_found(self.problems("worker/runner/a.cc", '#include "server/core/dag.h"\n'),
                          "worker/runner may not include server/core")

    def test_an_algorithm_knows_no_other(self):
        self.write("steps/algorithms/xgboost/xgboost.h")
        self.assert_found(self.problems("steps/algorithms/linear_learner/a.cc",
                                        '#include "steps/algorithms/xgboost/xgboost.h"\n'),
                          "may not include steps/algorithms/xgboost")

    def test_library_headers_have_one_home(self):
        for path, header in [("storage/metadata/a.cc", "sqlite3.h"), ("steps/process/a.cc", "duckdb.h"),
                             ("steps/train/a.cc", "xgboost/c_api.h"),
                             ("server/engine/a.cc", "grpcpp/grpcpp.h"),
                             ("server/engine/b.cc", "penstock/v1/runs.pb.h"),
                             ("worker/runner/a.cc", "penstock/v1/workers.grpc.pb.h"),
                             ("server/core/a.cc", "nlohmann/json.hpp"),
                             ("server/engine/c.cc", "spdlog/spdlog.h"),
                             ("base/a.cc", "gtest/gtest.h")]:
            with self.subTest(path=path, header=header):
                self.assert_found(self.problems(path, f"#include <{header}>\n"), path + ":1", header)
                (self.root / path).unlink()

    def test_include_that_is_not_written_from_the_root(self):
        self.write("base/json.h")
        self.assert_found(self.problems("base/json.cc", '#include "json.h"\n'), "from the root")

    def test_folder_outside_the_table(self):
        self.assert_found(self.problems("gadgets/a.cc", ""), "gadgets/a.cc", "not in the table")

    def test_core_is_pure(self):
        for text, word in [("#include <thread>\n", "<thread>"), ("#include <fstream>\n", "fstream"),
                           ("std::mutex m;\n", "mutex"), ("auto t = std::thread([] {});\n", "thread"),
                           ("auto t = std::chrono::steady_clock::now();\n", "steady_clock"),
                           ('LOG_INFO("x");\n', "LOG_INFO"), ("Time t = Clock::Real().Now();\n", "Real")]:
            with self.subTest(text=text):
                found = self.problems("server/core/a.cc", text)
                self.assert_found(found, "server/core/a.cc:1", word.strip("<>"))

    def test_core_may_name_durations_and_comments(self):
        self.assertEqual(self.problems("server/core/a.cc",
                                       "#include <chrono>\n// no thread, no mutex here\n"
                                       "std::chrono::microseconds d; int thread_count = 0;\n"), [])


class SqlStyleTest(LintTest):
    def problems(self, path, text):
        self.write(path, text)
        return sql_style.check(self.root)

    def test_whole_literals_pass(self):
        self.assertEqual(self.problems(
            "storage/metadata/a.cc",
            'cache.Run("UPDATE runs SET state = ? "\n  "WHERE id = ?", state, id);\n'
            'database.Execute("PRAGMA user_version = " + std::to_string(version));\n'
            'message = "cannot select " + name;\n'), [])

    def test_sql_elsewhere(self):
        self.assert_found(self.problems("server/engine/a.cc", 'Run("DELETE FROM runs WHERE id = ?");\n'),
                          "server/engine/a.cc:1", "outside storage/db")

    def test_prose_elsewhere_passes(self):
        self.assertEqual(self.problems("server/engine/a.cc",
                                       'Fail("Select a model, update the group, begin again");\n'), [])

    def test_select_star(self):
        self.assert_found(self.problems("storage/db/a.cc", '\nRun("SELECT * FROM runs");\n'),
                          "storage/db/a.cc:2", "SELECT *")

    def test_joined_sql(self):
        for text in ['q = "SELECT id FROM runs WHERE name = \'" + name;',
                     'q += " AND state = ?";', 'q = base + " ORDER BY id";',
                     'q = fmt::format("SELECT id FROM {}", table);',
                     'q = std::string("SELECT id FROM ") + table;',
                     'out << "DELETE FROM runs";',
                     'q = "PRAGMA user_version = " + version;']:
            with self.subTest(text=text):
                self.assert_found(self.problems("storage/metadata/a.cc", text + "\n"), "joined")

    def test_table_that_is_not_strict(self):
        self.assert_found(
            self.problems("storage/metadata/migrations/0001_first.sql",
                          "CREATE TABLE a (id INTEGER CHECK (id > 0)) STRICT, WITHOUT ROWID;\n"
                          "-- CREATE TABLE c (id);\nCREATE TABLE b (id INTEGER);  -- STRICT\n"),
            "0001_first.sql:3", "table b")
        (self.root / "storage/metadata/migrations/0001_first.sql").unlink()
        self.assert_found(self.problems("storage/db/a.cc", 'Run("CREATE TABLE x (id INTEGER)");\n'),
                          "table x")

    def test_gap_between_migrations(self):
        self.write("storage/metadata/migrations/0001_first.sql")
        self.assertEqual(sql_style.check(self.root), [])
        self.assert_found(self.problems("storage/metadata/migrations/0003_third.sql", ""),
                          "0003_third.sql", "0002")


class ProtoCommentsTest(LintTest):
    def problems(self, comment):
        self.write("proto/p.proto", "service S {\n  // NOT_FOUND. Safe to retry.\n"
                   f"  rpc First(A) returns (B);\n{comment}  rpc Get(A) returns (B);\n}}\n")
        return proto_comments.check(self.root)

    def test_a_whole_comment_is_good(self):
        self.assertEqual(self.problems("  // One. NOT_FOUND where there is\n  // none. Retry at will.\n"),
                         [])
        self.assertEqual(self.problems("  // All. No errors of its own. Safe to retry.\n"), [])

    def test_an_rpc_without_errors_is_found(self):
        self.assert_found(self.problems("  // One. Safe to retry.\n"), "proto/p.proto:5: Get", "errors")

    def test_an_rpc_that_is_silent_about_retries_is_found(self):
        self.assert_found(self.problems("  // NOT_FOUND.\n"), "proto/p.proto:5: Get", "retry")

    def test_the_comment_of_another_rpc_does_not_count(self):
        self.assertEqual(len(self.problems("")), 2)
        self.assertEqual(len(self.problems("  // NOT_FOUND. Safe to retry.\n\n")), 2)


class ProtoNumbersTest(LintTest):
    FIRST = ('syntax = "proto3";\npackage p.v1;\nmessage Run {\n  string name = 1;  // = 9\n'
             "  enum State { UNKNOWN = 0; DONE = 1; }\n  repeated Step steps = 2;\n"
             "  oneof kind { int64 a = 3; Inner.Deep b = 4 [deprecated = true]; }\n"
             "  map<string, double> m = 5;\n  message Inner { message Deep { bool x = 1; } }\n}\n"
             "service S { rpc Get(Run) returns (Run) { option idempotency_level = NO_SIDE_EFFECTS; } }\n")

    def setUp(self):
        super().setUp()
        self.write("tests/lint/keep")
        self.write("proto/p.proto", self.FIRST)
        self.assertEqual(proto_numbers.update(self.root), [])

    def test_reads_every_number(self):
        self.assertEqual((self.root / proto_numbers.LISTING).read_text().splitlines(), [
            "p.v1.Run.Inner.Deep.x = 1 bool", "p.v1.Run.State.DONE = 1 value",
            "p.v1.Run.State.UNKNOWN = 0 value", "p.v1.Run.a = 3 int64", "p.v1.Run.b = 4 Inner.Deep",
            "p.v1.Run.m = 5 map<string,double>", "p.v1.Run.name = 1 string",
            "p.v1.Run.steps = 2 repeated:Step"])
        self.assertEqual(proto_numbers.check(self.root), [])

    def test_number_with_another_meaning(self):
        for old, new in [("string name = 1", "string title = 1"), ("string name = 1", "int64 name = 1"),
                         ("repeated Step steps", "Step steps"), ("DONE = 1", "OVER = 1")]:
            with self.subTest(new=new):
                self.write("proto/p.proto", self.FIRST.replace(old, new))
                self.assert_found(proto_numbers.check(self.root), "give the new field a new number")
                self.assertNotEqual(proto_numbers.update(self.root), [])

    def test_removed_number_must_be_reserved(self):
        self.write("proto/p.proto", self.FIRST.replace("string name = 1;", ""))
        self.assert_found(proto_numbers.check(self.root), "name = 1 is gone", "reserved 1")
        for words in ("reserved 1;", "reserved 9, 1 to 1;", 'reserved 1; reserved "name";'):
            self.write("proto/p.proto", self.FIRST.replace("string name = 1;", words))
            self.assertEqual(proto_numbers.check(self.root), [])
            self.assertEqual(proto_numbers.update(self.root), [])
            self.assertIn("p.v1.Run.name = 1 string\n",
                          (self.root / proto_numbers.LISTING).read_text())

    def test_new_number_must_be_listed(self):
        self.write("proto/p.proto", self.FIRST.replace("string name = 1;",
                                                       "string name = 1; string title = 7;"))
        self.assert_found(proto_numbers.check(self.root), "p.v1.Run.title = 7", "--update")
        self.assertEqual(proto_numbers.update(self.root), [])
        self.assertEqual(proto_numbers.check(self.root), [])

    def test_break_forgets_what_was(self):
        self.write("proto/p.proto", self.FIRST.replace("string name = 1", "string title = 1"))
        self.assertEqual(proto_numbers.update(self.root, break_=True), [])
        self.assertEqual(proto_numbers.check(self.root), [])


class HousekeepingTest(LintTest):
    def test_registered_tests(self):
        self.write("tests/unit/a/one_test.cc")
        self.write("tests/unit/a/helper.cc")
        self.write("tests/unit/a/CMakeLists.txt", "penstock_test(one_test SOURCES one_test.cc)")
        self.write("tests/unit/b/two_test.cc")
        self.write("tests/unit/c/three_test.py")
        self.write("tests/unit/c/CMakeLists.txt",
                   'add_test(NAME a COMMAND python3 "${CMAKE_CURRENT_SOURCE_DIR}/three_test.py")')
        self.write("tests/unit/b/CMakeLists.txt", "file(GLOB sources *_test.cc)")
        self.assertEqual(housekeeping.check_registered_tests(self.root), [])

    def test_unregistered_test(self):
        self.write("tests/unit/a/CMakeLists.txt",
                   "# one_test.cc\npenstock_test(x SOURCES other_one_test.cc)")
        self.write("tests/unit/a/one_test.cc")
        self.assert_found(housekeeping.check_registered_tests(self.root), "tests/unit/a/one_test.cc")

    def test_registration_that_nothing_reads(self):
        self.write("tests/a/b/c/d/CMakeLists.txt", "")
        self.assert_found(housekeeping.check_registered_tests(self.root), "too deep")

    def test_marks(self):
        for text in ("// TO" + "DO: x", "// FIX" + "ME", "# HA" + "CK", "not " + "implemented",
                     "for " + "now", "a place" + "holder", "a st" + "ub for tests",
                     "TEST(A, DISABLED" + "_B)", "EXPECT_TRUE(" + "true);"):
            with self.subTest(text=text):
                self.write("base/a.cc", "int x;\n" + text + "\n")
                self.assert_found(housekeeping.check_marks(self.root), "base/a.cc:2")

    def test_names_that_only_look_like_marks(self):
        self.write("base/a.cc", "auto st" + "ub = Workers::NewStub(channel); st" + "ub->Get();\n"
                   "Call(*st" + "ub, &Runs::Get);  // `st" + "ub` is not owned\n"
                   'mkdtemp("/tmp/a-XXXXXX"); grpc::UNIMPLEMENTED; kUnimplemented; EXPECT_TRUE(trueish);\n')
        self.assertEqual(housekeeping.check_marks(self.root), [])

    def test_scripts_without_a_suffix_are_read(self):
        self.write(".ci/run", "#!/bin/sh\n# TO" + "DO\n")
        self.assert_found(housekeeping.check_marks(self.root), ".ci/run:2")

    def test_file_length(self):
        self.write("base/a.cc", "\n" * housekeeping.MAX_LINES)
        self.assertEqual(housekeeping.check_file_length(self.root), [])
        self.write("base/b.cc", "\n" * (housekeeping.MAX_LINES + 1))
        self.assert_found(housekeeping.check_file_length(self.root), "base/b.cc", "701")

    def test_readmes(self):
        self.write("base/a.h")
        self.assert_found(housekeeping.check_readmes(self.root), "base/README.md")
        self.write("base/README.md")
        self.assertEqual(housekeeping.check_readmes(self.root), [])
        self.write("extras/README.md")
        self.assert_found(housekeeping.check_readmes(self.root), "extras/")

    def test_limits(self):
        self.write("storage/model/limits.h", "\ninline constexpr std::size_t kMaxDogs = 3;\n")
        self.write("tests/unit/dogs_test.cc", "// limits::kMaxDogsAndCats, kMaxDogs")
        self.assert_found(housekeeping.check_limits(self.root), "limits.h:2", "kMaxDogs")
        self.write("tests/unit/cats_test.cc", "EXPECT_EQ(limits::kMaxDogs, 3)")
        self.assertEqual(housekeeping.check_limits(self.root), [])

    def test_build_output_is_nobodys_code(self):
        self.write("build/extras/a.cc", "// TO" + "DO")
        self.write("build/a.cc", "\n" * 1000)
        for lint in (housekeeping.check_marks, housekeeping.check_file_length,
                     housekeeping.check_readmes, layers.check):
            self.assertEqual(lint(self.root), [])


if __name__ == "__main__":
    unittest.main()
