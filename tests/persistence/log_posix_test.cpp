#include <millrace/tests/support/temporary_directory.hpp>

#include <filesystem>
#include <fstream>
#include <random>
#include <sys/syscall.h>
#include <unistd.h>

#include "log_fixture.hpp"

namespace {

/// Where the calls of fsync of this program are written down; null: nowhere.
std::vector<std::string>* synced_paths = nullptr;

} // namespace

extern "C" int fsync(int descriptor) {
  if (synced_paths != nullptr)
    synced_paths->push_back(std::filesystem::read_symlink(
      "/proc/self/fd/" + std::to_string(descriptor)));
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace millrace::persistence {
namespace {

// On the real disk: what the simulated one cannot vouch for.
class LogPosixTest : public ::testing::Test {
protected:
  LogPosixTest() {
    world_.fs = &posix_file_system();
    world_.random = [this] { return random_(); };
  }

  std::unique_ptr<log_writer> open(log_writer_options options = {}) {
    options.directory = directory_.string();
    auto writer = log_writer::open(world_, options);
    EXPECT_TRUE(writer) << to_string(writer.failure());
    return writer ? *std::move(writer) : nullptr;
  }

  position put(log_writer& writer, int64_t id) {
    auto end
      = writer.append(record_kind::messages, payload_kind::opaque,
                      {"feed", id, id, null_int}, bytes_of(payload_of(id)));
    EXPECT_TRUE(end) << to_string(end.failure());
    return *end;
  }

  test_support::temporary_directory home_;
  std::filesystem::path directory_{home_.path() + "/log"};
  std::mt19937_64 random_{42};
  env world_;
};

TEST_F(LogPosixTest, SessionsAndRollsReadAsOneSequence) {
  std::vector<told> want;
  int64_t id = 0;
  position last{};
  for (int session = 0; session < 3; ++session) {
    auto writer = open({.roll_bytes = 8192, .record_bytes = 1024});
    ASSERT_TRUE(writer);
    EXPECT_TRUE(writer->recovered_clean());
    if (session > 0) {
      EXPECT_EQ(writer->recovered_ids().at("feed"), id);
    }
    for (int i = 0; i < 300; ++i) {
      const auto end = put(*writer, ++id);
      EXPECT_GT(end, last);
      last = end;
      want.push_back({{}, end, "feed", id, payload_of(id)});
      if (i % 7 == 0) {
        ASSERT_FALSE(writer->write());
      }
      if (i % 50 == 0) {
        ASSERT_FALSE(writer->sync());
        EXPECT_EQ(writer->synced_end(), writer->appended_end());
      }
    }
    ASSERT_FALSE(writer->close());
    ASSERT_FALSE(writer->close());
    EXPECT_EQ(writer->write().code, errc::closed);
  }
  auto& fs = posix_file_system();
  const auto got = read_all(fs, directory_);
  EXPECT_TRUE(got.events.empty());
  ASSERT_EQ(got.messages.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got.messages[i].end, want[i].end);
    EXPECT_EQ(got.messages[i].id, want[i].id);
    EXPECT_EQ(got.messages[i].payload, want[i].payload);
  }
  // Resume after each message: the rest follows, whole and alone.
  for (size_t i = 0; i < want.size(); i += 11) {
    const auto rest = read_all(fs, directory_, got.messages[i].end);
    ASSERT_EQ(rest.messages.size(), want.size() - i - 1) << i;
    EXPECT_TRUE(
      std::equal(rest.messages.begin(), rest.messages.end(),
                 got.messages.begin() + static_cast<std::ptrdiff_t>(i) + 1));
    EXPECT_TRUE(rest.events.empty());
  }
}

/// Goal: nobody else's link makes a process write to a file of its user.
TEST_F(LogPosixTest, LinksAreNotFollowedToWhatIsWritten) {
  namespace files = std::filesystem;
  auto& disk = posix_file_system();
  const auto at = directory_.string();
  files::create_directories(at);
  const auto victim = at + "/victim";
  const std::vector<std::byte> kept(7, std::byte{1});
  const std::vector<std::byte> other(3, std::byte{2});
  ASSERT_FALSE(replace_file(disk, victim, kept));
  for (const std::string name : {"/log", "/.lock", "/manifest.tmp"})
    files::create_symlink(victim, at + name);
  EXPECT_EQ(disk.open(at + "/log", open_mode::write).failure().code,
            errc::permission);
  EXPECT_EQ(disk.lock_directory(at).failure().code, errc::permission);
  EXPECT_EQ(replace_file(disk, at + "/manifest", other).code, errc::permission);
  // What is read may lie anywhere.
  const auto read = read_file(disk, at + "/log");
  ASSERT_TRUE(read) << to_string(read.failure());
  EXPECT_EQ(*read, kept);
}

/// Goal: a name is held by one, or shared; others are told by whom, and nothing
/// is left of it.
TEST_F(LogPosixTest, ANameIsHeldByOneOrShared) {
  auto& disk = posix_file_system();
  std::filesystem::create_directories(directory_);
  const auto name = directory_.string() + "/a.lock";
  auto one = disk.lock_file(name, lock_mode::shared, "one");
  auto two = disk.lock_file(name, lock_mode::shared, "two");
  ASSERT_TRUE(one && two);
  const auto refused = disk.lock_file(name, lock_mode::exclusive, "three");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.failure().code, errc::locked);
  EXPECT_EQ(refused.failure().context,
            name + ": held by two, process " + std::to_string(::getpid()));
  one->reset();
  EXPECT_TRUE(disk.exists(name));
  two->reset();
  EXPECT_FALSE(disk.exists(name));
  auto alone = disk.lock_file(name, lock_mode::exclusive, "three");
  ASSERT_TRUE(alone);
  EXPECT_FALSE(disk.lock_file(name, lock_mode::shared, "four"));
  // As after a process that died.
  alone->reset();
  ASSERT_FALSE(replace_file(disk, name, {}));
  EXPECT_TRUE(disk.lock_file(name, lock_mode::exclusive_wait, "five"));
  EXPECT_FALSE(disk.exists(name));
  EXPECT_EQ(disk.lock_file(name + "/b", lock_mode::shared, "").failure().code,
            errc::not_found);
}

TEST_F(LogPosixTest, ADirectoryOfOthersIsNotLocked) {
  namespace files = std::filesystem;
  auto& disk = posix_file_system();
  const auto at = directory_.string();
  files::create_directories(at);
  const auto open_to_all = at + "/open";
  files::create_directory(open_to_all);
  files::permissions(open_to_all, files::perms::all);
  const auto refused = disk.lock_directory(open_to_all);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.failure().code, errc::permission);
  EXPECT_NE(refused.failure().context.find("all users may write"),
            std::string::npos);
  files::permissions(open_to_all, files::perms::owner_all);
  files::permissions(at, files::perms::all);
  EXPECT_EQ(disk.lock_directory(open_to_all).failure().code, errc::permission);
  files::permissions(at, files::perms::owner_all);
  EXPECT_TRUE(disk.lock_directory(open_to_all));
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root gives a directory to another user";
  ASSERT_EQ(::chown(open_to_all.c_str(), 65534, 65534), 0);
  EXPECT_EQ(disk.lock_directory(open_to_all).failure().code, errc::permission);
}

TEST_F(LogPosixTest, ASecondOwnerIsToldWhoHasIt) {
  auto writer = open();
  ASSERT_TRUE(writer);
  auto other = log_writer::open(world_, {.directory = directory_.string()});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.failure().code, errc::locked);
  EXPECT_NE(other.failure().context.find(std::to_string(::getpid())),
            std::string::npos)
    << other.failure().context;
}

TEST_F(LogPosixTest, AReaderFollowsALiveWriterAcrossRolls) {
  auto writer = open({.roll_bytes = 4096, .record_bytes = 512});
  ASSERT_TRUE(writer);
  auto reader = log_reader::open(posix_file_system(),
                                 {.directory = directory_.string()}, {});
  ASSERT_TRUE(reader);
  int64_t id = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < round % 5; ++i)
      put(*writer, ++id);
    ASSERT_FALSE(writer->write());
    const auto got = read_on(**reader);
    ASSERT_EQ(got.messages.size(), static_cast<size_t>(round % 5)) << round;
    EXPECT_TRUE(got.events.empty());
    if (!got.messages.empty()) {
      EXPECT_EQ(got.messages.back().id, id);
    }
  }
  EXPECT_GT(writer->recorded_end().roll(), 3u);
}

TEST_F(LogPosixTest, AReplicaIsByteIdenticalAndGoesOn) {
  auto writer = open({.roll_bytes = 16384, .record_bytes = 2048});
  ASSERT_TRUE(writer);
  const auto copy = directory_.string() + ".copy";
  std::filesystem::remove_all(copy);
  int64_t id = 0;
  std::optional<position> from;
  for (int round = 0; round < 10; ++round) {
    auto replica = log_replica::open(world_, copy, writer->lineage());
    ASSERT_TRUE(replica) << to_string(replica.failure());
    EXPECT_EQ((*replica)->end(), from);
    auto reader = log_reader::open(posix_file_system(),
                                   {.directory = directory_.string()}, from);
    ASSERT_TRUE(reader) << to_string(reader.failure());
    for (int i = 0; i < 100; ++i)
      put(*writer, ++id);
    ASSERT_FALSE(writer->write());
    for (;;) {
      auto item = (*reader)->next_chunk(3000);
      ASSERT_TRUE(item);
      if (std::holds_alternative<log_end>(*item))
        break;
      const auto& chunk = std::get<log_chunk>(*item);
      EXPECT_EQ(chunk.end.value - chunk.begin.value, chunk.bytes.size());
      ASSERT_FALSE((*replica)->append(chunk.begin, chunk.bytes));
    }
    auto job = (*replica)->begin_sync();
    const auto outcome = job.run();
    ASSERT_FALSE(outcome);
    (*replica)->finish_sync(job.end, outcome);
    from = (*replica)->end();
    EXPECT_EQ((*replica)->synced_end(), *from);
    EXPECT_EQ(*from, writer->recorded_end());
  }
  const auto a = read_all(posix_file_system(), directory_);
  const auto b = read_all(posix_file_system(), copy);
  EXPECT_EQ(a.messages.size(), 1000u);
  EXPECT_EQ(a.messages, b.messages);
  auto stranger = log_replica::open(world_, copy, {{1, 2}});
  EXPECT_EQ(stranger.failure().code, errc::fenced);
  std::filesystem::remove_all(copy);
}

/// A directory whose name goes with the power takes with it all that was synced
/// in it.
TEST_F(LogPosixTest, TheNamesOfNewDirectoriesAreDurable) {
  std::vector<std::string> paths;
  std::filesystem::create_directories(directory_);
  synced_paths = &paths;
  const auto top = directory_.string();
  const auto made = posix_file_system().create_directories(top + "/a/b/c");
  const auto again = posix_file_system().create_directories(top + "/a/b/c");
  synced_paths = nullptr;
  EXPECT_FALSE(made);
  EXPECT_FALSE(again);
  EXPECT_EQ(paths, (std::vector<std::string>{top, top + "/a", top + "/a/b"}));
  std::ofstream{directory_ / "file"} << "text";
  EXPECT_TRUE(posix_file_system().create_directories(top + "/file"));
  EXPECT_TRUE(posix_file_system().create_directories(top + "/file/x"));
}

/// What stands where a note of the log should is moved aside, and the log goes
/// on; its identity is not made up.
TEST_F(LogPosixTest, ADirectoryInThePlaceOfANoteStopsNoLog) {
  int64_t id = 0;
  for (const auto* note : {".lock", ".synced", ".ids", ".ends", ".lineage"}) {
    {
      auto writer = open({});
      ASSERT_TRUE(writer) << note;
      put(*writer, ++id);
      ASSERT_FALSE(writer->close());
    }
    const auto path = directory_ / note;
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    std::ofstream{path / "inside"} << note;
    if (note == std::string_view{".lineage"}) {
      const auto read = read_lineage(posix_file_system(), directory_.string());
      EXPECT_EQ(read.failure().code, errc::corrupt);
      continue;
    }
    auto writer = open({});
    ASSERT_TRUE(writer) << note;
    put(*writer, ++id);
    ASSERT_FALSE(writer->close());
    EXPECT_TRUE(std::filesystem::exists(path.string() + ".aside.1/inside"))
      << note;
    EXPECT_EQ(read_all(posix_file_system(), directory_).messages.size(),
              static_cast<size_t>(id));
  }
}

TEST_F(LogPosixTest, AResumedLogGoesOnInItsFile) {
  int64_t id = 0;
  position end{};
  for (int run = 0; run < 5; ++run) {
    auto writer
      = open({.session = session_policy::resume, .roll_bytes = 16384});
    ASSERT_TRUE(writer);
    EXPECT_EQ(writer->appended_end(), end);
    for (int i = 0; i < 60; ++i)
      end = put(*writer, ++id);
    if (run % 2 == 0) {
      ASSERT_FALSE(writer->close());
    } else {
      ASSERT_FALSE(writer->write());
    }
  }
  const auto got = read_all(posix_file_system(), directory_);
  EXPECT_TRUE(got.events.empty());
  EXPECT_EQ(got.messages.size(), 300u);
  EXPECT_EQ(got.end.session(), 0u);
}

TEST_F(LogPosixTest, TruncateCutsAtARecord) {
  auto writer = open({.session = session_policy::resume,
                      .roll_bytes = 4096,
                      .record_bytes = 256});
  ASSERT_TRUE(writer);
  std::vector<position> ends;
  for (int64_t id = 1; id <= 200; ++id) {
    ends.push_back(put(*writer, id));
    ASSERT_FALSE(writer->write()); // One record per message.
  }
  ASSERT_FALSE(writer->sync());
  EXPECT_EQ(writer->truncate({ends[100].value - 8}).code, errc::bad_position);
  for (size_t keep : {150u, 60u, 1u}) {
    const auto fault = writer->truncate(ends[keep - 1]);
    ASSERT_FALSE(fault) << to_string(fault);
    EXPECT_EQ(writer->appended_end(), ends[keep - 1]);
    EXPECT_EQ(read_all(posix_file_system(), directory_).messages.size(), keep);
  }
  EXPECT_EQ(put(*writer, 2), ends[1]);
  ASSERT_FALSE(writer->close());
  EXPECT_EQ(read_all(posix_file_system(), directory_).messages.size(), 2u);
}

} // namespace
} // namespace millrace::persistence
