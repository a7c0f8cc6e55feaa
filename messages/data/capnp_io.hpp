#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>

#include <capnp/any.h>
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

/// What stands before the segments of a message: their count less one, and the
/// words of each.
inline std::vector<uint32_t>
segment_table(kj::ArrayPtr<const kj::ArrayPtr<const ::capnp::word>> segments) {
  std::vector<uint32_t> out{static_cast<uint32_t>(segments.size() - 1)};
  for (const auto& segment : segments)
    out.push_back(static_cast<uint32_t>(segment.size()));
  out.resize((out.size() + 1) / 2 * 2);
  return out;
}

/// The message in one contiguous block of whole words: `begin(size)` is told
/// how long it is, then `append(from, size)` gets its parts.
template <class Begin, class Append>
void write_message(::capnp::MessageBuilder& builder, Begin begin,
                   Append append) {
  const auto segments = builder.getSegmentsForOutput();
  const auto head = segment_table(segments);
  const auto head_bytes = head.size() * sizeof(uint32_t);
  auto size = head_bytes;
  for (const auto& segment : segments)
    size += segment.asBytes().size();
  begin(size);
  append(head.data(), head_bytes);
  for (const auto& segment : segments)
    append(segment.begin(), segment.asBytes().size());
}

/// A root as large as the struct was when it had fewer fields: what is written
/// is what was written then. @pre no later field is set.
template <class Schema>
typename Schema::Builder init_shorter_root(::capnp::MessageBuilder& builder,
                                           uint16_t words, uint16_t pointers) {
  return builder.initRoot<::capnp::AnyPointer>()
    .initAsAnyStruct(words, pointers)
    .template as<Schema>();
}

inline std::vector<std::byte> to_bytes(::capnp::MessageBuilder& builder) {
  std::vector<std::byte> out;
  write_message(
    builder, [&](size_t size) { out.reserve(size); },
    [&](const void* from, size_t size) {
      const auto* first = static_cast<const std::byte*>(from);
      out.insert(out.end(), first, first + size);
    });
  return out;
}

/// The same where it can be shared.
inline chunk to_chunk(::capnp::MessageBuilder& builder) {
  chunk::writable out{};
  write_message(
    builder, [&](size_t size) { out = chunk::allocate(size); },
    [&](const void* from, size_t size) {
      std::memcpy(out.memory, from, size);
      out.memory += size;
    });
  return std::move(out.shared);
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
