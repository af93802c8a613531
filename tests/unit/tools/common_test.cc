// SPDX-License-Identifier: GPL-2.0-or-later
// Command lines, local sockets, stream framing.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "hw/core/base/bytes.hh"
#include "tools/common/options.hh"
#include "tools/common/signals.hh"
#include "tools/common/socket.hh"
#include "tools/common/stream.hh"

namespace gatehouse::common {
namespace {

constexpr OptionRow kRows[] = {
    {"--listen", "ADDRESS", "where", true, true},
    {"--count", "N", "how many"},
    {"--share", "SHARE", "how much"},
    {"--fast", nullptr, "hurry"},
};

TEST(Options, TakesBothSpellingsAndRepetition) {
  const Result<Options> options = Options::parse(
      kRows, {"--listen", "a", "--fast", "--listen=b=c", "--count=7", "--share", "0.25"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options.value().all("--listen"), (std::vector<std::string>{"a", "b=c"}));
  EXPECT_TRUE(options.value().has("--fast"));
  EXPECT_EQ(options.value().number("--count", 0, 10, 1).value(), 7u);
  EXPECT_EQ(options.value().fraction("--share", 0, 1, 0).value(), 0.25);
  EXPECT_EQ(options.value().get("--nothing", "otherwise"), "otherwise");
}

TEST(Options, SaysWhatIsWrong) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } kCases[] = {
      {{"--speed"}, "unknown option '--speed'; --help lists the known ones"},
      {{"listen"}, "unknown option 'listen'; --help lists the known ones"},
      {{""}, "unknown option ''; --help lists the known ones"},
      {{"--listen"}, "--listen needs a value: ADDRESS"},
      {{"--fast=yes"}, "--fast takes no value"},
      {{"--count", "1", "--count", "2"}, "--count stands twice; remove one"},
      {{}, "--listen is missing; add --listen ADDRESS"},
  };
  for (const auto& row : kCases)
    EXPECT_EQ(Options::parse(kRows, row.arguments).status().message(), row.message);
  for (const char* text : {"11", "-1", "1x", "", "0x1", "1.5", "99999999999999999999"}) {
    const Result<Options> options = Options::parse(kRows, {"--listen=a", "--count", text});
    EXPECT_EQ(options.value().number("--count", 0, 10, 1).status().message(),
              std::string("--count ") + text + ": write a number from 0 to 10");
  }
  for (const char* text : {"1.01", "-0.1", "nan", "half"}) {
    const Result<Options> options = Options::parse(kRows, {"--listen=a", "--share", text});
    EXPECT_EQ(options.value().fraction("--share", 0, 1, 0).status().message(),
              std::string("--share ") + text + ": write a number from 0 to 1");
  }
}

TEST(Options, ListsRangesAndTheRest) {
  constexpr OptionRow kChecked[] = {
      {"--kernel", "6.1|6.12", "one of these"},
      {"--vcpus", "1..8", "a number"},
      {"--", "WORDS", "for somebody else"},
  };
  const Result<Options> options =
      Options::parse(kChecked, {"--kernel=6.12", "--vcpus", "8", "--", "--kernel", "--", "x"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options.value().get("--kernel"), "6.12");
  EXPECT_EQ(options.value().number("--vcpus", 1), 8u);
  EXPECT_EQ(options.value().number("--nothing", 3), 3u);
  EXPECT_EQ(options.value().all("--"), (std::vector<std::string>{"--kernel", "--", "x"}));
  for (const char* text : {"6", "6.1|6.12", "|", ""}) {
    EXPECT_EQ(Options::parse(kChecked, {"--kernel", text}).status().message(),
              std::string("--kernel ") + text + ": write one of 6.1|6.12");
  }
  for (const char* text : {"0", "9", "-1", "8x", ""}) {
    EXPECT_EQ(Options::parse(kChecked, {"--vcpus", text}).status().message(),
              std::string("--vcpus ") + text + ": write a number from 1..8");
  }
}

TEST(Options, HelpListsEveryRow) {
  const std::string text = usage("switch", "What it does.", kRows);
  EXPECT_EQ(text.find("usage: gatehouse-tool switch --listen ADDRESS [options]\n\nWhat it does.\n"),
            0u);
  for (const OptionRow& row : kRows)
    EXPECT_NE(text.find(std::string("\n  ") + row.name), std::string::npos) << row.name;
}

TEST(SocketAddress, IsOnThisMachineOrRefused) {
  for (const char* text : {"unix:/tmp/x", "127.0.0.1:0", "127.1.2.3:65535", "[::1]:4000"}) {
    EXPECT_TRUE(parse_socket_address(text).ok()) << text;
  }
  for (const char* text : {"", "x", "0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[fe80::1]:1", "127.0.0.1",
                           "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "localhost:1", ":1",
                           "[::ffff:10.0.0.1]:1"}) {
    EXPECT_EQ(
        parse_socket_address(text).status().message(),
        std::string(text) + ": not a local socket; write unix:/path, 127.0.0.1:port or [::1]:port");
  }
  EXPECT_EQ(parse_socket_address("unix:").status().message(),
            "unix:: a socket's path has 1 to 107 octets; choose a shorter folder");
  EXPECT_FALSE(parse_socket_address("unix:" + std::string(108, 'x')).ok());
  EXPECT_TRUE(parse_socket_address("unix:" + std::string(107, 'x')).ok());
}

class SocketPath : public ::testing::Test {
 protected:
  SocketPath() : path_(::testing::TempDir() + "gh-socket-" + std::to_string(getpid())) {}
  ~SocketPath() override { unlink(path_.c_str()); }
  SocketAddress address() const { return parse_socket_address("unix:" + path_).value(); }
  const std::string path_;
};

TEST_F(SocketPath, ListensForItsOwnerAndLeavesNothing) {
  {
    Result<Listener> listener = Listener::open(address());
    ASSERT_TRUE(listener.ok()) << listener.status().message();
    struct stat info;
    ASSERT_EQ(lstat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_FALSE(listener.value().accept());
    ASSERT_TRUE(connect_stream(address(), 0).ok());
    EXPECT_TRUE(listener.value().accept());
    EXPECT_NE(access((path_ + "~").c_str(), F_OK), 0);
  }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
  EXPECT_EQ(connect_stream(address(), 0).status().message(),
            "unix:" + path_ + ": can't connect: No such file or directory");
}

TEST_F(SocketPath, ReplacesADeadSocketButNoLivingOneAndNoFile) {
  const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  const SocketAddress here = address();
  ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&here.storage), here.length), 0);
  close(dead);
  {
    const Result<Listener> first = Listener::open(address());
    ASSERT_TRUE(first.ok()) << first.status().message();
    EXPECT_EQ(Listener::open(address()).status().message(),
              path_ + ": somebody else listens there; end it or choose another path");
  }
  std::ofstream(path_) << "precious";
  EXPECT_EQ(Listener::open(address()).status().message(),
            path_ + ": exists and is no socket; choose another path");
}

TEST(Listener, TellsTheTcpPortThatItGot) {
  Result<Listener> listener = Listener::open(parse_socket_address("127.0.0.1:0").value());
  ASSERT_TRUE(listener.ok()) << listener.status().message();
  const std::string name = listener.value().name();
  EXPECT_EQ(name.find("127.0.0.1:"), 0u);
  EXPECT_NE(name, "127.0.0.1:0");
  EXPECT_TRUE(connect_stream(parse_socket_address(name).value(), 1000).ok());
}

std::vector<uint8_t> framed(size_t length, uint8_t fill) {
  std::vector<uint8_t> octets(kLengthOctets + length, fill);
  store_be<uint32_t>(octets.data(), static_cast<uint32_t>(length));
  return octets;
}

TEST(FrameReader, CutsFramesWhereverTheStreamIsCut) {
  std::vector<uint8_t> stream;
  const std::vector<size_t> lengths = {1, 60, 1514, 9018, kMaxStreamFrame, 14};
  for (size_t i = 0; i < lengths.size(); ++i) {
    const std::vector<uint8_t> frame = framed(lengths[i], static_cast<uint8_t>(i));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const size_t step : {size_t{1}, size_t{3}, size_t{1000}, size_t{70000}, stream.size()}) {
    SCOPED_TRACE(step);
    FrameReader reader(1);
    std::vector<size_t> found;
    for (size_t at = 0; at < stream.size();) {
      const size_t count = std::min(step, stream.size() - at);
      at += reader.put(std::span(stream).subspan(at, count));
      FramedFrame frame;
      while (reader.next(frame)) {
        const auto fill = static_cast<uint8_t>(found.size());
        EXPECT_TRUE(std::all_of(frame.frame().begin(), frame.frame().end(),
                                [&](uint8_t octet) { return octet == fill; }));
        found.push_back(frame.frame().size());
      }
    }
    EXPECT_EQ(found, lengths);
    EXPECT_EQ(reader.state(), FrameReader::State::kOpen);
  }
}

TEST(FrameReader, GivesUpOnImpossibleLengths) {
  for (const uint32_t length :
       {0u, static_cast<uint32_t>(kMaxStreamFrame) + 1, 0x7fffffffu, 0xffffffffu}) {
    uint8_t raw[kLengthOctets];
    store_be<uint32_t>(raw, length);
    FrameReader reader;
    const std::vector<uint8_t> good = framed(20, 0);
    reader.put(good);
    reader.put(raw);
    FramedFrame frame;
    EXPECT_TRUE(reader.next(frame));
    EXPECT_FALSE(reader.next(frame));
    EXPECT_EQ(reader.state(), FrameReader::State::kBroken);
    reader.put(good);
    EXPECT_FALSE(reader.next(frame));
  }
}

class StreamPair : public ::testing::Test {
 protected:
  StreamPair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    near_ = Descriptor(fds[0]);
    far_ = Descriptor(fds[1]);
  }
  // Everything that is there, frame by frame.
  std::vector<std::vector<uint8_t>> received() {
    std::vector<std::vector<uint8_t>> frames;
    pollfd ready{far_.get(), POLLIN, 0};
    while (poll(&ready, 1, 0) > 0 && reader_.fill(far_.get()) == FrameReader::State::kOpen) {
      FramedFrame frame;
      while (reader_.next(frame)) frames.emplace_back(frame.frame().begin(), frame.frame().end());
    }
    return frames;
  }
  Descriptor near_, far_;
  FrameReader reader_;
};

TEST_F(StreamPair, WriterSendsPiecesAndCopiesInOrder) {
  std::vector<uint8_t> two = framed(10, 1);
  const std::vector<uint8_t> second = framed(20, 2);
  two.insert(two.end(), second.begin(), second.end());
  const std::vector<uint8_t> apart = framed(30, 3);
  const uint8_t head[] = {4, 4}, body[] = {5, 5, 5};
  FrameWriter writer;
  writer.add({std::span(two).first(14)});
  writer.add({std::span(two).subspan(14)});
  writer.add({apart});
  writer.add_copy(OutFrame{{head, 2}, {body, 3}});
  writer.add({apart});
  EXPECT_TRUE(writer.flush(near_.get()));
  EXPECT_FALSE(writer.wants_write());
  const std::vector<std::vector<uint8_t>> frames = received();
  ASSERT_EQ(frames.size(), 5u);
  EXPECT_EQ(frames[0], std::vector<uint8_t>(10, 1));
  EXPECT_EQ(frames[1], std::vector<uint8_t>(20, 2));
  EXPECT_EQ(frames[2], std::vector<uint8_t>(30, 3));
  EXPECT_EQ(frames[3], (std::vector<uint8_t>{4, 4, 5, 5, 5}));
  EXPECT_EQ(frames[4], std::vector<uint8_t>(30, 3));
}

TEST_F(StreamPair, WriterKeepsWhatTheSocketRefusesAndDropsWholeFrames) {
  constexpr size_t kFrame = 1000, kCount = 3000;
  std::vector<uint8_t> run;
  for (size_t i = 0; i < kCount; ++i) {
    std::vector<uint8_t> frame = framed(kFrame, 0);
    store_be<uint32_t>(frame.data() + kLengthOctets, static_cast<uint32_t>(i));
    run.insert(run.end(), frame.begin(), frame.end());
  }
  FrameWriter writer(100'000);
  for (size_t i = 0; i < kCount; ++i)
    writer.add({std::span(run).subspan(i * (kFrame + kLengthOctets), kFrame + kLengthOctets)});
  ASSERT_TRUE(writer.flush(near_.get()));
  EXPECT_TRUE(writer.wants_write());
  std::fill(run.begin(), run.end(), 0xee);  // the writer has its own copy
  std::vector<std::vector<uint8_t>> frames;
  while (true) {
    const std::vector<std::vector<uint8_t>> some = received();
    frames.insert(frames.end(), some.begin(), some.end());
    if (!writer.wants_write()) break;
    ASSERT_TRUE(writer.flush(near_.get()));
  }
  EXPECT_GT(writer.dropped(), 0u);
  ASSERT_EQ(frames.size() + writer.dropped(), kCount);
  for (size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(frames[i].size(), kFrame);
    ASSERT_EQ(load_be<uint32_t>(frames[i].data()), i);  // the first ones, in order
  }
}

TEST_F(StreamPair, WriterTellsThatTheOtherSideIsGone) {
  far_.reset();
  const std::vector<uint8_t> frame = framed(10, 0);
  FrameWriter writer;
  writer.add({frame});
  EXPECT_FALSE(writer.flush(near_.get()));
  EXPECT_EQ(reader_.fill(near_.get()), FrameReader::State::kClosed);
}

TEST(Signals, AWriteToAClosedSocketIsAnErrorNotTheEnd) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const Descriptor near(fds[0]);
  close(fds[1]);
  Signals signals;
  EXPECT_EQ(write(near.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(Signals, AreEventsWhileTheObjectLives) {
  Signals signals;
  raise(SIGUSR1);
  Signals::Seen seen = signals.take();
  EXPECT_TRUE(seen.report);
  EXPECT_FALSE(seen.stop);
  raise(SIGTERM);
  seen = signals.take();
  EXPECT_TRUE(seen.stop);
  EXPECT_FALSE(seen.report);
  seen = signals.take();
  EXPECT_FALSE(seen.stop || seen.report);
}

}  // namespace
}  // namespace gatehouse::common
