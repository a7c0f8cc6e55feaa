#include <millrace/query/execution/aggregate_states_internal.hpp>
#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/number_blocks.hpp>

namespace millrace::query {

namespace {

constexpr auto nan_value = std::numeric_limits<double>::quiet_NaN();

/// What the states of whole numbers share: one `State` per group, that starts
/// as `State{}`.
template <class State, class Derived>
class integer_state : public aggregate_state {
public:
  explicit integer_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override { states_.resize(count); }
  void reserve(size_t count) override { states_.reserve(count); }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return states_.capacity() * sizeof(State);
  }
  void update(const row_batch& batch, const segment_context& segment) override {
    int64_t buffer[number_block_rows];
    each_block(batch, [&](const row_block& block) {
      const auto* values
        = integers(segment.columns[inputs_[0]], input_type_, block, buffer);
      if (block.groups)
        for (uint32_t i = 0; i < block.count; ++i)
          states_[block.groups[i]].add(values[i]);
      else
        for (uint32_t i = 0; i < block.count; ++i)
          states_[batch.group].add(values[i]);
    });
  }
  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const Derived&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g)
      states_[targets[g]].add(other.states_[begin + g]);
  }
  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    auto columns = State::columns();
    for (auto& column : columns)
      column.name = name_ + column.name;
    return columns;
  }
  error save(size_t begin, size_t end, std::span<const column_ref>,
             std::vector<column_data>& out) const override {
    auto* to = add_columns(out, end - begin);
    for (auto g = begin; g < end; ++g)
      states_[g].save(to);
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    for (uint32_t g = 0; g < targets.size(); ++g)
      states_[targets[g]].add(State::read(columns, g));
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    auto* to = out.template extend<typename State::value>(end - begin);
    for (auto g = begin; g < end; ++g)
      if (!states_[g].finish(*to++))
        return overflow();
    return out;
  }

protected:
  std::vector<State> states_;
};

struct counted {
  uint64_t rows = 0;
  void add(int64_t) noexcept { ++rows; }
  void add(const counted& other) noexcept { rows += other.rows; }
  static std::vector<column_schema> columns() {
    return {{"", column_type::long_}};
  }
  void save(column_data* to) const { to[0].push(rows); }
  static counted read(std::span<const column_data> from, size_t g) {
    return {from[0].as<uint64_t>()[g]};
  }
  using value = uint64_t;
  bool finish(value& to) const {
    to = rows;
    return true;
  }
};

class count_state : public integer_state<counted, count_state> {
public:
  using integer_state::integer_state;
  void update(const row_batch& batch, const segment_context&) override {
    if (!batch.groups)
      states_[batch.group].rows += batch.count;
    else
      for (uint32_t i = 0; i < batch.count; ++i)
        ++states_[batch.groups[i]].rows;
  }
};

/// What would be read as an infinity afterwards does not fit, as in an
/// expression; those of the values count as the numbers that they are written
/// as.
constexpr auto whole_limit = static_cast<uint64_t>(inf_long);

/// Wide enough for any count of longs.
struct whole_sum {
  int128 sum = 0;
  void add(int64_t x) noexcept { sum += x == null_long ? 0 : x; }
  void add(const whole_sum& other) noexcept { sum += other.sum; }
  static std::vector<column_schema> columns() {
    return {{".low", column_type::long_}, {".high", column_type::long_}};
  }
  void save(column_data* to) const {
    to[0].push(static_cast<uint64_t>(sum));
    to[1].push(static_cast<int64_t>(sum >> 64));
  }
  static whole_sum read(std::span<const column_data> from, size_t g) {
    // Half of what fits, so that the two of a merge do.
    const auto high = from[1].as<int64_t>()[g] % (int64_t{1} << 62);
    return {static_cast<int128>(high) << 64 | from[0].as<uint64_t>()[g]};
  }
  using value = int64_t;
  bool finish(value& to) const {
    if (sum >= inf_long || sum <= -inf_long)
      return false;
    to = static_cast<int64_t>(sum);
    return true;
  }
};

class whole_sum_state : public integer_state<whole_sum, whole_sum_state> {
public:
  using integer_state::integer_state;
  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (!column.values)
      return;
    with_integer(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* from
        = column.template as<typename loader::raw>() + batch.base;
      if (!batch.rows && !batch.groups) {
        states_[batch.group].sum
          += kernels::sum_integers<loader>(from, batch.count).sum;
        return;
      }
      auto* states = states_.data();
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        states[group].add(loader::widen(from[row]));
      });
    });
  }
};

struct whole_average {
  whole_sum total;
  int64_t present = 0;
  void add(int64_t x) noexcept {
    total.add(x);
    present += x != null_long;
  }
  void add(const whole_average& other) noexcept {
    total.add(other.total);
    present = static_cast<int64_t>(static_cast<uint64_t>(present)
                                   + static_cast<uint64_t>(other.present));
  }
  static std::vector<column_schema> columns() {
    auto out = whole_sum::columns();
    out.push_back({".present", column_type::long_});
    return out;
  }
  void save(column_data* to) const {
    total.save(to);
    to[2].push(present);
  }
  static whole_average read(std::span<const column_data> from, size_t g) {
    return {whole_sum::read(from, g), from[2].as<int64_t>()[g]};
  }
  using value = double;
  bool finish(value& to) const {
    to = present == 0
           ? nan_value
           : static_cast<double>(total.sum) / static_cast<double>(present);
    return true;
  }
};

class whole_average_state
  : public integer_state<whole_average, whole_average_state> {
public:
  using integer_state::integer_state;
  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (batch.rows || batch.groups || !column.values)
      return integer_state::update(batch, segment);
    with_integer(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto found = kernels::sum_integers<loader>(
        column.as<typename loader::raw>() + batch.base, batch.count);
      auto& state = states_[batch.group];
      state.total.sum += found.sum;
      state.present += found.present;
    });
  }
};

constexpr auto too_large = ~uint64_t{0};

uint64_t add_saturating(uint64_t a, uint64_t b) noexcept {
  return __builtin_add_overflow(a, b, &a) ? too_large : a;
}
uint64_t multiply_saturating(uint64_t a, uint64_t b) noexcept {
  return __builtin_mul_overflow(a, b, &a) ? too_large : a;
}
uint64_t size_of(int64_t x) noexcept {
  return x < 0 ? uint64_t{0} - static_cast<uint64_t>(x)
               : static_cast<uint64_t>(x);
}

/// Squares only grow: beyond 64 bits a sum of them stays there.
struct whole_squares {
  uint64_t sum = 0;
  void add(int64_t x) noexcept {
    const auto size = x == null_long ? 0 : size_of(x);
    sum = add_saturating(sum, multiply_saturating(size, size));
  }
  void add(const whole_squares& other) noexcept {
    sum = add_saturating(sum, other.sum);
  }
  static std::vector<column_schema> columns() {
    return {{"", column_type::long_}};
  }
  void save(column_data* to) const { to[0].push(sum); }
  static whole_squares read(std::span<const column_data> from, size_t g) {
    return {from[0].as<uint64_t>()[g]};
  }
  using value = uint64_t;
  bool finish(value& to) const {
    if (sum >= whole_limit)
      return false;
    to = sum;
    return true;
  }
};

class whole_squares_state
  : public integer_state<whole_squares, whole_squares_state> {
public:
  using integer_state::integer_state;
};

/// But for zeros a product only grows, too; so they are kept apart.
struct whole_product {
  uint64_t size = 1;
  uint8_t negative = 0;
  uint8_t zero = 0;
  void add(int64_t x) noexcept {
    if (x == null_long)
      return;
    if (x == 0)
      zero = 1;
    else
      add(whole_product{size_of(x), static_cast<uint8_t>(x < 0), 0});
  }
  void add(const whole_product& other) noexcept {
    size = multiply_saturating(size, other.size);
    negative ^= other.negative;
    zero |= other.zero;
  }
  static std::vector<column_schema> columns() {
    return {{".size", column_type::long_}, {".signs", column_type::byte_}};
  }
  void save(column_data* to) const {
    to[0].push(size);
    to[1].push(static_cast<uint8_t>(negative | zero << 1));
  }
  static whole_product read(std::span<const column_data> from, size_t g) {
    const auto signs = from[1].as<uint8_t>()[g];
    return {std::max<uint64_t>(from[0].as<uint64_t>()[g], 1),
            static_cast<uint8_t>(signs & 1),
            static_cast<uint8_t>(signs >> 1 & 1)};
  }
  using value = int64_t;
  bool finish(value& to) const {
    if (!zero && size >= whole_limit)
      return false;
    const auto product = static_cast<int64_t>(zero ? 0 : size);
    to = negative ? -product : product;
    return true;
  }
};

class whole_product_state
  : public integer_state<whole_product, whole_product_state> {
public:
  using integer_state::integer_state;
};

/// min and max of whole numbers and times. A state of `min` is
/// null_last(value).
template <bool Min>
class integer_extreme_state : public aggregate_state {
public:
  explicit integer_extreme_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override {
    states_.resize(count, Min ? inf_long : null_long);
  }
  void reserve(size_t count) override { states_.reserve(count); }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return states_.capacity() * sizeof(int64_t);
  }
  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (!column.values)
      return update_absent(batch);
    with_integer(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* from
        = column.template as<typename loader::raw>() + batch.base;
      if (!batch.rows && !batch.groups) {
        fold(batch.group, Min
                            ? kernels::min_integers<loader>(from, batch.count)
                            : kernels::max_integers<loader>(from, batch.count));
        return;
      }
      auto* states = states_.data();
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        const auto x = loader::widen(from[row]);
        states[group] = Min ? std::min(states[group], kernels::null_last(x))
                            : std::max(states[group], x);
      });
    });
  }
  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const integer_extreme_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g) {
      auto& state = states_[targets[g]];
      state = Min ? std::min(state, other.states_[begin + g])
                  : std::max(state, other.states_[begin + g]);
    }
  }
  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return {{name_, input_type_}};
  }
  error save(size_t begin, size_t end, std::span<const column_ref> values,
             std::vector<column_data>& out) const override {
    auto column = finish(begin, end, values);
    if (!column)
      return column.failure();
    out.push_back(std::move(*column));
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    const auto value = ref_of(columns[0]);
    for (uint32_t g = 0; g < targets.size(); ++g)
      fold(targets[g], integer_at(value, g));
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    for (auto g = begin; g < end; ++g)
      push_integer(out, Min ? kernels::null_first(states_[g]) : states_[g]);
    return out;
  }

private:
  void fold(uint32_t group, int64_t value) noexcept {
    auto& state = states_[group];
    state = Min ? std::min(state, kernels::null_last(value))
                : std::max(state, value);
  }
  void update_absent(const row_batch& batch) {
    if (input_type_ != column_type::boolean
        && input_type_ != column_type::byte_)
      return;
    kernels::each_row(batch, [&](uint32_t group, uint32_t) { fold(group, 0); });
  }

  std::vector<int64_t> states_;
};

template <bool Min>
class float_extreme_state : public aggregate_state {
public:
  explicit float_extreme_state(state_args args)
    : aggregate_state{args.spec, args.plan, std::move(args.inputs)} {}

  void resize(size_t count) override { states_.resize(count, nan_value); }
  void reserve(size_t count) override { states_.reserve(count); }
  [[nodiscard]] size_t byte_count() const noexcept override {
    return states_.capacity() * sizeof(double);
  }
  void update(const row_batch& batch, const segment_context& segment) override {
    const auto& column = segment.columns[inputs_[0]];
    if (!column.values)
      return;
    // A column that was integer in an older part counts as float here.
    if (!is_float(column.type)) {
      kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
        fold(group, float_at(column, batch.base + row));
      });
      return;
    }
    with_float(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* from
        = column.template as<typename loader::raw>() + batch.base;
      if (!batch.rows && !batch.groups)
        fold(batch.group,
             kernels::extreme_floats<Min, loader>(from, batch.count));
      else
        kernels::each_row(batch, [&](uint32_t group, uint32_t row) {
          fold(group, loader::widen(from[row]));
        });
    });
  }
  void combine(const aggregate_state& from, uint32_t begin,
               std::span<const uint32_t> targets) override {
    const auto& other = static_cast<const float_extreme_state&>(from);
    for (uint32_t g = 0; g < targets.size(); ++g)
      fold(targets[g], other.states_[begin + g]);
  }
  [[nodiscard]] std::vector<column_schema> state_columns() const override {
    return {{name_, input_type_}};
  }
  error save(size_t begin, size_t end, std::span<const column_ref> values,
             std::vector<column_data>& out) const override {
    auto column = finish(begin, end, values);
    if (!column)
      return column.failure();
    out.push_back(std::move(*column));
    return {};
  }
  error load(std::span<const column_data> columns,
             std::span<const uint32_t> targets, uint32_t) override {
    const auto value = ref_of(columns[0]);
    for (uint32_t g = 0; g < targets.size(); ++g)
      fold(targets[g], float_at(value, g));
    return {};
  }
  result<column_data> finish(size_t begin, size_t end,
                             std::span<const column_ref>) const override {
    auto out = result_column(end - begin);
    with_float(result_type_, [&](auto load) {
      using raw = typename decltype(load)::raw;
      auto* to = out.template extend<raw>(end - begin);
      // Which of two equal zeros came first is nobody's business.
      for (auto g = begin; g < end; ++g)
        *to++ = static_cast<raw>(states_[g] == 0 ? 0.0 : states_[g]);
    });
    return out;
  }

private:
  void fold(uint32_t group, double value) noexcept {
    auto& state = states_[group];
    state
      = Min ? kernels::smaller(state, value) : kernels::larger(state, value);
  }

  std::vector<double> states_;
};

template <bool Min>
state_pointer make_extreme_of(state_args args) {
  if (is_float(*args.plan.type_of(args.spec.columns[0])))
    return std::make_unique<float_extreme_state<Min>>(std::move(args));
  return std::make_unique<integer_extreme_state<Min>>(std::move(args));
}

} // namespace

state_pointer make_count(state_args args) {
  return std::make_unique<count_state>(std::move(args));
}
state_pointer make_integer_sum(state_args args) {
  return std::make_unique<whole_sum_state>(std::move(args));
}
state_pointer make_integer_average(state_args args) {
  return std::make_unique<whole_average_state>(std::move(args));
}
state_pointer make_integer_squares(state_args args) {
  return std::make_unique<whole_squares_state>(std::move(args));
}
state_pointer make_integer_product(state_args args) {
  return std::make_unique<whole_product_state>(std::move(args));
}
state_pointer make_extreme(state_args args) {
  return args.spec.function == aggregate_function::min
           ? make_extreme_of<true>(std::move(args))
           : make_extreme_of<false>(std::move(args));
}

} // namespace millrace::query
