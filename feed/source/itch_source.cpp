#include <millrace/feed/source/decoded_source_internal.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace millrace::feed {

namespace {

constexpr size_t length_bytes = 2;

/// Bytes of a message of each type; 0: there is no such type.
constexpr size_t itch_message_bytes(char type) {
  constexpr std::pair<char, size_t> sizes[]
    = {{'S', 12}, {'R', 39}, {'H', 25}, {'Y', 20}, {'L', 26}, {'V', 35},
       {'W', 12}, {'K', 28}, {'J', 35}, {'h', 21}, {'A', 36}, {'F', 40},
       {'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}, {'P', 44},
       {'Q', 40}, {'B', 19}, {'I', 50}, {'N', 20}, {'O', 48}};
  for (const auto& [known, size] : sizes)
    if (known == type)
      return size;
  return 0;
}

struct itch_order {
  uint64_t price = 0; ///< In units of 1/10000.
  uint64_t shares = 0;
  char side = ' ';
};

/// A line: what a field has no value for stays empty.
struct itch_line {
  char kind = ' ';
  std::string price;
  std::string shares;
  std::string_view side{};
  std::string seventh{};
  std::string eighth{};
};

class itch_source final : public decoded_source {
public:
  itch_source(std::unique_ptr<source> messages, decoding wanted,
              std::string label)
    : decoded_source{std::move(messages), std::move(label)}, wanted_{wanted} {}

private:
  result<bool> take() override {
    auto whole = ensure(length_bytes);
    if (!whole)
      return whole;
    if (!*whole && window().empty())
      return false;
    const auto length
      = *whole ? network_number(window(), 0, length_bytes) : uint64_t{0};
    if (*whole && length != 0)
      whole = ensure(length_bytes + length);
    if (!whole)
      return whole;
    if (!*whole)
      return begun_ ? early_end("the file ends inside a message")
                    : damage("the file ends inside a message");
    // An empty one closes a session.
    if (length != 0)
      if (auto fault = check(window().subspan(length_bytes, length)))
        return fault;
    if (length != 0)
      read_message(window().subspan(length_bytes, length));
    pass(length_bytes + length);
    begun_ = true;
    return true;
  }

  [[nodiscard]] error check(bytes message) const {
    const auto type = static_cast<char>(message[0]);
    const auto wanted = itch_message_bytes(type);
    // Types that are younger than this program carry no orders.
    if (wanted == message.size() || (begun_ && wanted == 0))
      return {};
    const auto what = std::string{"a message of "}
                      + std::to_string(message.size()) + " bytes that begins "
                      + "with byte "
                      + std::to_string(std::to_integer<int>(message[0]));
    return damage(what);
  }

  /// A file whose first message is none is another file.
  [[nodiscard]] error damage(const std::string& what) const {
    return begun_ ? bad(what)
                  : error{errc::bad_data,
                          label() + ": is not a file of ITCH 5.0: " + what};
  }

  void read_message(bytes message) {
    at_ = message;
    switch (static_cast<char>(message[0])) {
      case 'R':
        know_symbol(11);
        break;
      case 'A':
      case 'F':
        know_symbol(24);
        add_order(number(11, 8), {number(32, 4), number(20, 4), letter(19)},
                  letter(0), {});
        break;
      case 'E':
        take_shares(number(19, 4), {}, "1", 23);
        break;
      case 'C':
        take_shares(number(19, 4), std::to_string(number(32, 4)),
                    letter(31) == 'N' ? "0" : "1", 23);
        break;
      case 'X':
        take_shares(number(19, 4), {}, {}, 0);
        break;
      case 'D':
        delete_order();
        break;
      case 'U':
        replace_order();
        break;
      case 'P':
        know_symbol(24);
        trade({'P', std::to_string(number(32, 4)),
               std::to_string(number(20, 4)), text(19, 1), "1",
               std::to_string(number(36, 8))});
        break;
      case 'Q':
        know_symbol(19);
        trade({'Q',
               std::to_string(number(27, 4)),
               std::to_string(number(11, 8)),
               {},
               "1",
               std::to_string(number(31, 8))});
        break;
      case 'B':
        trade({'B', {}, {}, {}, "0", std::to_string(number(11, 8))});
        break;
      default:
        break;
    }
  }

  /// The messages of orders name a symbol by its locate only.
  void know_symbol(size_t offset) {
    const auto locate = number(1, 2);
    if (symbols_.size() <= locate)
      symbols_.resize(locate + 1);
    const auto symbol = text(offset, 8);
    symbols_[locate] = symbol.substr(0, symbol.find(' '));
  }

  void add_order(uint64_t id, itch_order what, char kind,
                 std::string replaced) {
    orders_[id] = what;
    order({kind,
           std::to_string(what.price),
           std::to_string(what.shares),
           {&what.side, 1},
           std::to_string(id),
           std::move(replaced)});
  }

  /// An execution, or a cancellation: those have no match.
  /// @param price empty: that of the order
  void take_shares(uint64_t shares, std::string price, std::string printable,
                   size_t match_offset) {
    const auto id = number(11, 8);
    const auto found = orders_.find(id);
    itch_line line{letter(0), std::move(price), std::to_string(shares)};
    if (found != orders_.end()) {
      if (line.price.empty())
        line.price = std::to_string(found->second.price);
      line.side = {&found->second.side, 1};
    }
    line.seventh = std::to_string(id);
    order(line);
    if (match_offset != 0) {
      line.seventh = std::move(printable);
      line.eighth = std::to_string(number(match_offset, 8));
      trade(line);
    }
    if (found != orders_.end()
        && (found->second.shares -= std::min(shares, found->second.shares))
             == 0)
      orders_.erase(found);
  }

  void delete_order() {
    const auto id = number(11, 8);
    const auto found = orders_.find(id);
    itch_line line{'D', {}, {}, {}, std::to_string(id)};
    if (found != orders_.end()) {
      line.price = std::to_string(found->second.price);
      line.shares = std::to_string(found->second.shares);
      line.side = {&found->second.side, 1};
    }
    order(line);
    if (found != orders_.end())
      orders_.erase(found);
  }

  void replace_order() {
    const auto old = number(11, 8);
    itch_order made{number(31, 4), number(27, 4)};
    if (const auto found = orders_.find(old); found != orders_.end()) {
      made.side = found->second.side;
      orders_.erase(found);
    }
    add_order(number(19, 8), made, 'U', std::to_string(old));
  }

  void order(const itch_line& line) {
    if (wanted_ == decoding::itch_orders)
      append(line);
  }
  void trade(const itch_line& line) {
    if (wanted_ == decoding::itch_trades)
      append(line);
  }

  void append(const itch_line& line) {
    out += std::to_string(number(5, 6)) + ',';
    if (const auto locate = number(1, 2); locate < symbols_.size())
      out += symbols_[locate];
    out += ',';
    out += line.kind;
    out += ',' + line.price + ',' + line.shares + ',';
    if (line.side != " ")
      out += line.side;
    out += ',' + line.seventh + ',' + line.eighth + '\n';
  }

  [[nodiscard]] uint64_t number(size_t offset, size_t size) const {
    return network_number(at_, offset, size);
  }
  [[nodiscard]] std::string_view text(size_t offset, size_t size) const {
    return {reinterpret_cast<const char*>(at_.data()) + offset, size};
  }
  [[nodiscard]] char letter(size_t offset) const {
    return static_cast<char>(at_[offset]);
  }

  decoding wanted_;
  bool begun_ = false;
  bytes at_;                         ///< The message that is read.
  std::vector<std::string> symbols_; ///< By their locate.
  std::unordered_map<uint64_t, itch_order> orders_; ///< That rest in the book.
};

} // namespace

std::unique_ptr<source> decode_itch(std::unique_ptr<source> messages,
                                    decoding wanted, std::string label) {
  return std::make_unique<itch_source>(std::move(messages), wanted,
                                       std::move(label));
}

} // namespace millrace::feed
