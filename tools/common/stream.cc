// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/stream.hh"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "hw/core/base/bytes.hh"

namespace gatehouse::common {

FrameReader::FrameReader(size_t buffer_octets)
    : buffer_(new uint8_t[std::max(buffer_octets, kLengthOctets + kMaxStreamFrame)]),
      capacity_(std::max(buffer_octets, kLengthOctets + kMaxStreamFrame)) {}

void FrameReader::compact() {
  if (begin_ == 0) return;
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

FrameReader::State FrameReader::fill(int socket) {
  if (state_ != State::kOpen) return state_;
  compact();
  if (end_ == capacity_) return state_;  // whole frames wait to be taken
  const ssize_t count = recv(socket, buffer_.get() + end_, capacity_ - end_, MSG_DONTWAIT);
  if (count > 0) {
    end_ += static_cast<size_t>(count);
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    state_ = State::kClosed;
  }
  return state_;
}

size_t FrameReader::put(std::span<const uint8_t> octets) {
  compact();
  const size_t count = std::min(octets.size(), capacity_ - end_);
  std::memcpy(buffer_.get() + end_, octets.data(), count);
  end_ += count;
  return count;
}

bool FrameReader::next(FramedFrame& frame) {
  if (state_ == State::kBroken || end_ - begin_ < kLengthOctets) return false;
  const size_t length = load_be<uint32_t>(buffer_.get() + begin_);
  if (length == 0 || length > kMaxStreamFrame) {
    state_ = State::kBroken;
    return false;
  }
  if (end_ - begin_ < kLengthOctets + length) return false;
  frame.framed = {buffer_.get() + begin_, kLengthOctets + length};
  begin_ += kLengthOctets + length;
  return true;
}

void FrameWriter::add(const FramedFrame& frame) {
  auto* data =
      const_cast<uint8_t*>(frame.framed.data());  // iovec knows no const; sendmsg only reads
  if (!pieces_.empty()) {
    iovec& last = pieces_.back();
    if (static_cast<uint8_t*>(last.iov_base) + last.iov_len == data) {
      last.iov_len += frame.framed.size();
      return;
    }
  }
  pieces_.push_back({data, frame.framed.size()});
}

void FrameWriter::add_copy(const OutFrame& frame) {
  // Order: what was added without a copy goes first.
  for (const iovec& piece : pieces_)
    keep(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len, false);
  pieces_.clear();
  const size_t octets = kLengthOctets + frame.length();
  if (backlog_.size() - sent_ + octets > limit_) {
    ++dropped_;
    return;
  }
  const size_t at = backlog_.size();
  backlog_.resize(at + octets);
  uint8_t* to = backlog_.data() + at;
  store_be<uint32_t>(to, frame.length());
  if (frame.head.length) std::memcpy(to + kLengthOctets, frame.head.data, frame.head.length);
  if (frame.body.length)
    std::memcpy(to + kLengthOctets + frame.head.length, frame.body.data, frame.body.length);
}

// Whole frames go to the backlog or are dropped. `cut`: the first octets belong to a frame whose
// beginning is already sent, so that its rest must follow, limit or not; how long it is stands in
// front of it no more, so the caller passes just that rest.
void FrameWriter::keep(const uint8_t* data, size_t octets, bool cut) {
  if (cut) {
    backlog_.insert(backlog_.end(), data, data + octets);
    return;
  }
  for (size_t at = 0; at < octets;) {
    const size_t framed = kLengthOctets + load_be<uint32_t>(data + at);
    if (backlog_.size() - sent_ + framed <= limit_) {
      backlog_.insert(backlog_.end(), data + at, data + at + framed);
    } else {
      ++dropped_;
    }
    at += framed;
  }
}

bool FrameWriter::send_backlog(int socket) {
  while (wants_write()) {
    const ssize_t count =
        send(socket, backlog_.data() + sent_, backlog_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      // Give back memory in front when it is worth a move.
      if (sent_ >= backlog_.size() / 2) {
        backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<ptrdiff_t>(sent_));
        sent_ = 0;
      }
      return error == EAGAIN || error == ENOBUFS;
    }
    sent_ += static_cast<size_t>(count);
  }
  backlog_.clear();
  sent_ = 0;
  return true;
}

bool FrameWriter::send_pieces(int socket) {
  for (size_t first = 0; first < pieces_.size();) {
    msghdr message{};
    message.msg_iov = pieces_.data() + first;
    message.msg_iovlen = std::min<size_t>(pieces_.size() - first, IOV_MAX);
    ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    const bool gone = count < 0 && errno != EAGAIN && errno != ENOBUFS;
    if (gone) return false;
    size_t left = count < 0 ? 0 : static_cast<size_t>(count);
    while (first < pieces_.size() && left >= pieces_[first].iov_len)
      left -= pieces_[first++].iov_len;
    if (first == pieces_.size()) break;
    if (left == 0 && count > 0) continue;
    // The socket is full inside a piece: find the frame that was cut.
    const auto* data = static_cast<const uint8_t*>(pieces_[first].iov_base);
    size_t at = 0;
    while (at < left) at += kLengthOctets + load_be<uint32_t>(data + at);
    keep(data + left, at - left, true);
    keep(data + at, pieces_[first].iov_len - at, false);
    while (++first < pieces_.size())
      keep(static_cast<const uint8_t*>(pieces_[first].iov_base), pieces_[first].iov_len, false);
  }
  return true;
}

bool FrameWriter::flush(int socket) {
  bool alive = send_backlog(socket);
  if (wants_write()) {
    for (const iovec& piece : pieces_)
      keep(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len, false);
  } else if (alive) {
    alive = send_pieces(socket);
  }
  pieces_.clear();
  return alive;
}

}  // namespace gatehouse::common
