#pragma once

#include <millrace/messages/base/result.hpp>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace millrace::messages {

/// Limits for every Cap'n Proto read of this project: no schema nests deeply,
/// and a message is read a few times over at most. Pointers that overlap would
/// else stand for any number of bytes that are not there.
inline ::capnp::ReaderOptions reader_options(size_t words) {
  ::capnp::ReaderOptions options;
  options.traversalLimitInWords = 8 * uint64_t{words} + 1024;
  options.nestingLimit = 32;
  return options;
}

/// The message in one contiguous block of whole words.
inline std::vector<std::byte> to_bytes(::capnp::MessageBuilder& builder) {
  const auto segments = builder.getSegmentsForOutput();
  // Before the segments their count less one, and the words of each.
  std::vector<uint32_t> head{static_cast<uint32_t>(segments.size() - 1)};
  size_t bytes = 0;
  for (const auto& segment : segments) {
    head.push_back(static_cast<uint32_t>(segment.size()));
    bytes += segment.asBytes().size();
  }
  head.resize((head.size() + 1) / 2 * 2);
  std::vector<std::byte> out;
  out.reserve(head.size() * sizeof(uint32_t) + bytes);
  const auto append = [&out](const void* from, size_t size) {
    const auto* first = static_cast<const std::byte*>(from);
    out.insert(out.end(), first, first + size);
  };
  append(head.data(), head.size() * sizeof(uint32_t));
  for (const auto& segment : segments)
    append(segment.begin(), segment.asBytes().size());
  return out;
}

/// Calls `f(root)`, which returns a result<T>; the reader is valid only during
/// the call. A decoding fault becomes malformed_message: no kj exception
/// leaves. Misaligned bytes are copied first.
template <class Schema, class F>
auto read_as(std::span<const std::byte> bytes, F&& f)
  -> decltype(f(std::declval<typename Schema::Reader>())) {
  using word = ::capnp::word;
  if (bytes.empty() || bytes.size() % sizeof(word) != 0)
    return error{errc::malformed_message,
                 std::to_string(bytes.size()) + " bytes are not whole words"};
  try {
    kj::Array<word> copy;
    auto* first = reinterpret_cast<const word*>(bytes.data());
    if (reinterpret_cast<uintptr_t>(first) % sizeof(word) != 0) {
      copy = kj::heapArray<word>(bytes.size() / sizeof(word));
      std::memcpy(copy.begin(), bytes.data(), bytes.size());
      first = copy.begin();
    }
    ::capnp::FlatArrayMessageReader reader{
      kj::arrayPtr(first, bytes.size() / sizeof(word)),
      reader_options(bytes.size() / sizeof(word))};
    return f(reader.getRoot<Schema>());
  } catch (const kj::Exception& fault) {
    return error{errc::malformed_message, fault.getDescription().cStr()};
  }
}

} // namespace millrace::messages
