#include <millrace/query/execution/aggregate_states_internal.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::query {

namespace {

/// Distinct texts and guids of each group, null among them.
class text_set_state : public aggregate_state {
public:
  explicit text_set_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override { size_ = count; }
  void reserve(size_t) override {}
  [[nodiscard]] size_t byte_count() const noexcept override {
    return held_.capacity() * sizeof(uint64_t)
           + starts_.capacity() * sizeof(size_t) + texts_.byte_count()
           + codes_.capacity() * sizeof(uint32_t);
  }

  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (column.dictionary != dictionary_)
      codes_.clear();
    dictionary_ = column.dictionary;
    kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
      const auto at = size_t{batch.base} + row;
      hold(group, column.values ? number_at(column, at) : 0);
    });
    compact_when_large();
  }

  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const text_set_state&>(from);
    std::vector<uint32_t> numbers(other.texts_.size(), 0);
    for (const auto held : other.held_) {
      const auto group = group_of(held) - begin;
      if (group >= targets.size())
        continue;
      auto& number = numbers[number_of(held)];
      if (number == 0)
        number = texts_.code(other.texts_.text(number_of(held)));
      hold(targets[group], number);
    }
    compact_when_large();
  }

  void settle() override {
    compact();
    starts_.assign(size_ + 1, 0);
    for (const auto held : held_)
      ++starts_[group_of(held) + 1];
    for (size_t g = 0; g < size_; ++g)
      starts_[g + 1] += starts_[g];
  }

  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return {{name_ + ".texts", column_type::string}};
  }
  /// Each text after its length of four bytes.
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    column_writer writer{name_ + ".texts", column_type::string};
    std::string all;
    for (auto g = begin; g < end; ++g) {
      all.clear();
      for (auto i = starts_[g]; i < starts_[g + 1]; ++i) {
        const auto text = texts_.text(number_of(held_[i]));
        const auto length = static_cast<uint32_t>(text.size());
        char bytes[sizeof length];
        std::memcpy(bytes, &length, sizeof length);
        all.append(bytes, sizeof bytes).append(text);
      }
      writer.append_text(all);
    }
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.push_back(std::move(*column));
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    for (uint32_t g = 0; g < targets.size(); ++g)
      for (auto rest = columns[0].text(g); !rest.empty();) {
        uint32_t length = 0;
        const bool whole = rest.size() >= sizeof length;
        if (whole)
          std::memcpy(&length, rest.data(), sizeof length);
        if (!whole || rest.size() - sizeof length < length)
          return {errc::malformed_message,
                  "partial result: column '" + columns[0].name
                    + "': torn texts in row " + std::to_string(g)};
        hold(targets[g], texts_.code(rest.substr(sizeof length, length)));
        rest.remove_prefix(sizeof length + length);
      }
    compact_when_large();
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = begin; g < end; ++g)
      out.push(static_cast<int64_t>(starts_[g + 1] - starts_[g]));
    return out;
  }

private:
  static uint32_t group_of(uint64_t held) noexcept {
    return static_cast<uint32_t>(held >> 32);
  }
  static uint32_t number_of(uint64_t held) noexcept {
    return static_cast<uint32_t>(held);
  }
  void hold(uint32_t group, uint32_t number) {
    held_.push_back(uint64_t{group} << 32 | number);
  }

  /// 0: null.
  uint32_t number_at(const column_ref& column, size_t row) {
    if (column.type == column_type::guid) {
      const auto* bytes
        = reinterpret_cast<const char*>(column.values) + 16 * row;
      const std::string_view text{bytes, 16};
      return text.find_first_not_of('\0') == text.npos ? 0 : texts_.code(text);
    }
    if (column.type != column_type::symbol || !column.dictionary)
      return texts_.code(column.text(row));
    const auto code = column.as<uint32_t>()[row];
    if (code >= codes_.size())
      codes_.resize(std::max<size_t>(size_t{code} + 1, codes_.size() * 2), 0);
    if (codes_[code] == 0)
      codes_[code] = texts_.code(column.entry(code));
    return codes_[code];
  }

  void compact() {
    std::sort(held_.begin(), held_.end());
    held_.erase(std::unique(held_.begin(), held_.end()), held_.end());
  }
  void compact_when_large() {
    if (held_.size() < compact_at_)
      return;
    compact();
    compact_at_ = std::max<size_t>(size_t{1} << 16, held_.size() * 2);
  }

  size_t size_ = 0;
  size_t compact_at_ = size_t{1} << 16;
  std::vector<uint64_t> held_; ///< A group, and below it the number of a text.
  std::vector<size_t> starts_; ///< After `settle`: by group, and the end.
  text::interner texts_;
  const persistence::symbol_dictionary* dictionary_ = nullptr;
  std::vector<uint32_t> codes_; ///< Its codes as numbers; 0: not yet.
};

} // namespace

state_pointer make_text_set(state_args args) {
  return std::make_unique<text_set_state>(std::move(args));
}

} // namespace millrace::query
