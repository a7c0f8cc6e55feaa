#include <millrace/query/execution/expression_program.hpp>
#include <millrace/query/execution/expression_steps_internal.hpp>

#include <algorithm>
#include <tuple>

namespace millrace::query {

namespace {

using fn = scalar_function;
using run_step = expression_program::step::function;
using shape = expression_program::shape;

template <class Op, class Out, class A>
constexpr run_step one = steps::unary<Op, Out, A>;
template <class Op, class Out, class A>
constexpr run_step two = steps::binary<Op, Out, A>;
template <class Op>
constexpr run_step whole_op
  = steps::binary<steps::of_whole<Op>, int64_t, int64_t>;
template <class Op>
constexpr run_step checked_op = steps::checked_binary<steps::of_whole<Op>>;

/// Kernels of one operation for each kind of operand.
struct kernel_row {
  run_step whole = nullptr;
  run_step real = nullptr;
  run_step text = nullptr;
  [[nodiscard]] run_step of(shape kind) const {
    return kind == shape::whole ? whole : kind == shape::real ? real : text;
  }
};

template <class Op>
constexpr kernel_row compare_row{steps::binary<Op, int64_t, int64_t>,
                                 steps::binary<Op, int64_t, double>,
                                 steps::binary<Op, int64_t, std::string_view>};
template <class Op>
constexpr kernel_row pick_row{
  steps::binary<Op, int64_t, int64_t>, steps::binary<Op, double, double>,
  steps::binary<Op, std::string_view, std::string_view>};

kernel_row row_of_comparison(fn function) {
  using namespace steps;
  switch (function) {
    case fn::equal:
      return compare_row<is_equal>;
    case fn::not_equal:
      return compare_row<negation<is_equal>>;
    case fn::less:
      return compare_row<is_less>;
    case fn::greater:
      return compare_row<reversed<is_less>>;
    case fn::less_equal:
      return compare_row<negation<reversed<is_less>>>;
    default:
      return compare_row<negation<is_less>>;
  }
}

kernel_row row_of_arithmetic(fn function) {
  using namespace steps;
  switch (function) {
    case fn::add:
      return {checked_op<add_whole>, two<add_float, double, double>, nullptr};
    case fn::subtract:
      return {checked_op<subtract_whole>, two<subtract_float, double, double>,
              nullptr};
    case fn::multiply:
      return {checked_op<multiply_whole>, two<multiply_float, double, double>,
              nullptr};
    case fn::divide:
      return {nullptr, two<divide_float, double, double>, nullptr};
    case fn::quotient:
      return {whole_op<quotient_whole>, two<quotient_float, double, double>,
              nullptr};
    case fn::modulo:
      return {whole_op<modulo_whole>, two<modulo_float, double, double>,
              nullptr};
    case fn::bar:
      return {checked_op<bar_whole>, two<bar_float, double, double>, nullptr};
    case fn::lesser:
      return pick_row<lesser>;
    case fn::larger:
      return pick_row<larger>;
    default:
      return pick_row<fill>;
  }
}

kernel_row row_of_single(fn function) {
  using namespace steps;
  switch (function) {
    case fn::negate:
      return {one<negate_whole, int64_t, int64_t>,
              one<negate_float, double, double>, nullptr};
    case fn::absolute:
      return {one<absolute_whole, int64_t, int64_t>,
              one<absolute_float, double, double>, nullptr};
    case fn::sign:
      return {one<sign_whole, int64_t, int64_t>,
              one<sign_float, int64_t, double>, nullptr};
    case fn::floor:
      return {nullptr, steps::checked_unary<floor_of, double>, nullptr};
    case fn::ceiling:
      return {nullptr, steps::checked_unary<ceiling_of, double>, nullptr};
    case fn::square_root:
      return {nullptr, one<square_root, double, double>, nullptr};
    case fn::exponential:
      return {nullptr, one<exponential, double, double>, nullptr};
    case fn::logarithm:
      return {nullptr, one<logarithm, double, double>, nullptr};
    case fn::reciprocal:
      return {nullptr, one<reciprocal, double, double>, nullptr};
    case fn::logical_not:
      return {one<zero_test, int64_t, int64_t>, one<zero_test, int64_t, double>,
              nullptr};
    default:
      return {one<null_test, int64_t, int64_t>, one<null_test, int64_t, double>,
              one<null_test, int64_t, std::string_view>};
  }
}

bool has_bound(const expression& what) {
  const auto& parts = what.arguments;
  return what.function == fn::bounded
         || std::any_of(parts.begin(), parts.end(), has_bound);
}

bool is_time(column_type type) { return !is_numeric(type) && !is_text(type); }

/// The null of a guid is all zeroes.
std::string_view guid_at(const column_ref& column, uint32_t row) {
  constexpr size_t size = 16;
  constexpr char null[size] = {};
  const auto* bytes = reinterpret_cast<const char*>(column.values) + size * row;
  return std::memcmp(bytes, null, size) == 0 ? std::string_view{}
                                             : std::string_view{bytes, size};
}

std::string text_of(const literal& value, column_type type) {
  const auto* text = std::get_if<std::string>(&value);
  if (!text
      || (type == column_type::guid
          && text->find_first_not_of('\0') == text->npos))
    return {};
  return *text;
}

/// What `in` looks up: the constant's values in the form of `kind`.
expression_program::constant_set set_of(const expression& list,
                                        column_type value_type) {
  expression_program::constant_set out;
  const auto kind = shape_of(value_type);
  const bool in_ns_too = is_time(value_type) && value_type != list.type;
  for (const auto& each : list.values) {
    if (kind == shape::text) {
      out.texts.push_back(text_of(each, list.type));
      continue;
    }
    const auto* whole = std::get_if<int64_t>(&each);
    const auto* number = std::get_if<double>(&each);
    const auto* text = std::get_if<std::string>(&each);
    if (kind == shape::real) {
      out.floats.push_back(number  ? *number
                           : whole ? steps::float_of::of(*whole)
                                   : steps::null_float);
    } else if (text && !text->empty()) {
      out.ints.push_back(static_cast<uint8_t>((*text)[0]));
    } else if (whole) {
      out.ints.push_back(in_ns_too ? in_ns(*whole, list.type) : *whole);
    } else {
      out.ints.push_back(null_long);
    }
  }
  std::sort(out.ints.begin(), out.ints.end());
  std::sort(out.floats.begin(), out.floats.end(), steps::before<double>);
  std::sort(out.texts.begin(), out.texts.end());
  return out;
}

} // namespace

expression_program::expression_program(const expression& what,
                                       std::span<const column_schema> columns)
  : columns_{columns.begin(), columns.end()}, type_{what.type} {
  result_ = compile(what);
}

uint32_t expression_program::add_slot(shape kind) {
  auto& slot = slots_.emplace_back();
  slot.kind = kind;
  if (kind == shape::whole)
    slot.ints.resize(vector_rows);
  else if (kind == shape::real)
    slot.floats.resize(vector_rows);
  else
    slot.texts.resize(vector_rows);
  return static_cast<uint32_t>(slots_.size() - 1);
}

uint32_t expression_program::add_step(step what, shape kind) {
  MILLRACE_ASSERT(what.run != nullptr);
  what.out = add_slot(kind);
  steps_.push_back(what);
  return what.out;
}

uint32_t expression_program::compile(const expression& what) {
  switch (what.what) {
    case expression::kind::column:
      return compile_column(what);
    case expression::kind::constant:
      return compile_constant(what);
    default:
      return compile_call(what);
  }
}

uint32_t expression_program::compile_column(const expression& what) {
  const auto found
    = std::find_if(columns_.begin(), columns_.end(), [&](const auto& column) {
        return column.name == what.name;
      });
  MILLRACE_ASSERT(found != columns_.end());
  const auto number = static_cast<uint32_t>(found - columns_.begin());
  for (const auto& each : inputs_)
    if (each.column == number)
      return each.out;
  const auto out = add_slot(shape_of(what.type));
  inputs_.push_back({number, out});
  return out;
}

uint32_t expression_program::compile_constant(const expression& what) {
  const auto out = add_slot(shape_of(what.type));
  auto& slot = slots_[out];
  const auto& value = what.values.front();
  const auto* whole = std::get_if<int64_t>(&value);
  const auto* number = std::get_if<double>(&value);
  const auto* text = std::get_if<std::string>(&value);
  if (slot.kind == shape::text) {
    // A set keeps the text: slots move while more are added.
    constant_set held;
    held.texts.push_back(text_of(value, what.type));
    step copy;
    copy.out = out;
    copy.set = static_cast<uint32_t>(sets_.size());
    copy.run = [](expression_program& p, const step& s, uint32_t count) {
      std::fill_n(p.at(s.out).texts.begin(), count,
                  std::string_view{p.set_at(s.set).texts[0]});
    };
    sets_.push_back(std::move(held));
    steps_.push_back(copy);
  } else if (slot.kind == shape::real) {
    std::fill(slot.floats.begin(), slot.floats.end(),
              number  ? *number
              : whole ? steps::float_of::of(*whole)
                      : steps::null_float);
  } else {
    auto x = whole ? *whole
             : text && !text->empty()
               ? int64_t{static_cast<uint8_t>((*text)[0])}
             : number ? steps::whole_of(*number)
                      : null_long;
    if (x == ' ' && what.type == column_type::char_)
      x = null_long;
    std::fill(slot.ints.begin(), slot.ints.end(), x);
  }
  return out;
}

uint32_t expression_program::as_ns(uint32_t from, column_type have,
                                   bool checked) {
  if (have == column_type::timestamp || have == column_type::timespan)
    return from;
  step s;
  s.run = checked ? steps::convert_checked : steps::convert_times;
  s.a = from;
  s.from = have;
  s.to = have == column_type::date || have == column_type::month
           ? column_type::timestamp
           : column_type::timespan;
  return add_step(s, shape::whole);
}

uint32_t expression_program::as_type(uint32_t from, column_type have,
                                     column_type want) {
  if (!is_float(want) || is_float(have))
    return from;
  step s;
  s.run = steps::whole_to_floats;
  s.a = from;
  return add_step(s, shape::real);
}

uint32_t expression_program::narrowed(uint32_t from, column_type type) {
  step s;
  s.a = from;
  if (type == column_type::real) {
    s.run = steps::unary<steps::single_precision, double, double>;
    return add_step(s, shape::real);
  }
  if (type == column_type::byte_)
    s.run = steps::unary<steps::low_byte, int64_t, int64_t>;
  else if (type == column_type::short_)
    s.run = steps::checked_unary<steps::narrow<32767>, int64_t>;
  else if (!is_text(type) && !is_float(type) && width_of(type) == 4)
    s.run = steps::checked_unary<steps::narrow<inf_int>, int64_t>;
  else
    return from;
  return add_step(s, shape::whole);
}

uint32_t expression_program::compile_call(const expression& what) {
  switch (what.function) {
    case fn::add:
    case fn::subtract:
    case fn::multiply:
    case fn::divide:
    case fn::quotient:
    case fn::modulo:
    case fn::bar:
    case fn::lesser:
    case fn::larger:
    case fn::fill:
      return compile_arithmetic(what);
    case fn::equal:
    case fn::not_equal:
    case fn::less:
    case fn::greater:
    case fn::less_equal:
    case fn::greater_equal:
      return compile_comparison(what.arguments[0], what.arguments[1],
                                what.function);
    case fn::within: {
      step both;
      both.a = compile_comparison(what.arguments[0], what.arguments[1],
                                  fn::greater_equal);
      both.b = compile_comparison(what.arguments[0], what.arguments[2],
                                  fn::less_equal);
      both.run = steps::binary<steps::lesser, int64_t, int64_t>;
      return add_step(both, shape::whole);
    }
    case fn::in:
    case fn::like:
      return compile_in(what);
    case fn::conditional:
      return compile_choice(what);
    case fn::cast:
      return compile_cast(what);
    case fn::table_date:
      return compile_date(what);
    case fn::bounded:
      return compile_bounded(what);
    default:
      return compile_single(what);
  }
}

uint32_t expression_program::compile_bounded(const expression& what) {
  step s{.run = steps::keep_bounded};
  s.a = compile(what.arguments[0]);
  s.b = compile(what.arguments[1]);
  return add_step(s, shape::real);
}

uint32_t expression_program::compile_arithmetic(const expression& what) {
  const auto& left = what.arguments[0];
  const auto& right = what.arguments[1];
  step s;
  s.a = compile(left);
  s.b = compile(right);
  const bool both_times = is_time(left.type) && is_time(right.type);
  if (both_times
      && (left.type != right.type || what.type == column_type::timespan)) {
    s.a = as_ns(s.a, left.type, true);
    s.b = as_ns(s.b, right.type, true);
  }
  const auto kind
    = what.function == fn::divide ? shape::real : shape_of(what.type);
  if (kind == shape::real) {
    s.a = as_type(s.a, left.type, column_type::float_);
    s.b = as_type(s.b, right.type, column_type::float_);
  }
  s.run = row_of_arithmetic(what.function).of(kind);
  return narrowed(add_step(s, kind), what.type);
}

uint32_t expression_program::compile_comparison(const expression& left,
                                                const expression& right,
                                                scalar_function function) {
  step s;
  s.a = compile(left);
  s.b = compile(right);
  auto kind = shape_of(left.type);
  if (left.type != right.type && is_time(left.type)) {
    s.a = as_ns(s.a, left.type);
    s.b = as_ns(s.b, right.type);
  } else if (is_float(left.type) != is_float(right.type)) {
    s.a = as_type(s.a, left.type, column_type::float_);
    s.b = as_type(s.b, right.type, column_type::float_);
    kind = shape::real;
  }
  s.run = row_of_comparison(function).of(kind);
  return add_step(s, shape::whole);
}

uint32_t expression_program::compile_in(const expression& what) {
  const auto& value = what.arguments[0];
  const auto& list = what.arguments[1];
  step s;
  s.a = compile(value);
  s.set = static_cast<uint32_t>(sets_.size());
  if (what.function == fn::like) {
    constant_set held;
    held.pattern = std::make_shared<const like_pattern>(
      std::get<std::string>(list.values[0]));
    sets_.push_back(std::move(held));
    s.run = steps::match_text;
    return add_step(s, shape::whole);
  }
  // Whole numbers among floats, and the other way round, meet as floats.
  const bool mixed = is_float(list.type) && !is_float(value.type);
  const auto type = mixed ? column_type::float_ : value.type;
  if (mixed)
    s.a = as_type(s.a, value.type, type);
  else if (is_time(value.type) && value.type != list.type)
    s.a = as_ns(s.a, value.type);
  sets_.push_back(set_of(list, type));
  const auto kind = shape_of(type);
  s.run = kind == shape::whole  ? steps::find_whole
          : kind == shape::real ? steps::find_float
                                : steps::find_text;
  return add_step(s, shape::whole);
}

uint32_t expression_program::compile_choice(const expression& what) {
  step s;
  s.a = compile(what.arguments[0]);
  s.b = as_type(compile(what.arguments[1]), what.arguments[1].type, what.type);
  s.c = as_type(compile(what.arguments[2]), what.arguments[2].type, what.type);
  const auto kind = shape_of(what.type);
  s.run = kind == shape::whole  ? steps::choose<int64_t>
          : kind == shape::real ? steps::choose<double>
                                : steps::choose<std::string_view>;
  return add_step(s, kind);
}

uint32_t expression_program::compile_single(const expression& what) {
  const auto& value = what.arguments[0];
  step s;
  s.a = compile(value);
  auto kind = shape_of(value.type);
  const bool rounds
    = what.function == fn::floor || what.function == fn::ceiling;
  if (rounds && kind == shape::whole)
    return narrowed(s.a, what.type);
  if (is_float(what.type) && kind == shape::whole) {
    s.a = as_type(s.a, value.type, what.type);
    kind = shape::real;
  }
  s.run = row_of_single(what.function).of(kind);
  return narrowed(add_step(s, shape_of(what.type)), what.type);
}

uint32_t expression_program::compile_cast(const expression& what) {
  const auto& value = what.arguments[0];
  const auto from = value.type;
  const auto to = what.type;
  step s;
  s.a = compile(value);
  s.from = from;
  s.to = to;
  if (from == to || is_text(to))
    return s.a;
  if (to == column_type::boolean) {
    s.run = is_float(from)
              ? steps::unary<steps::not_zero_test, int64_t, double>
              : steps::unary<steps::not_zero_test, int64_t, int64_t>;
    return add_step(s, shape::whole);
  }
  if (is_time(from) && is_time(to)) {
    s.run = steps::convert_checked;
    return narrowed(add_step(s, shape::whole), to);
  }
  if (is_float(from) && !is_float(to)) {
    s.run = steps::checked_unary<steps::rounded, double>;
    return narrowed(add_step(s, shape::whole), to);
  }
  return narrowed(as_type(s.a, from, to), to);
}

uint32_t expression_program::compile_date(const expression& what) {
  const auto& zone = what.arguments[1].values[0];
  const auto& offset = what.arguments[2].values[0];
  constant_set held;
  held.dates = std::make_shared<day_finder>(std::get<std::string>(zone),
                                            std::get<int64_t>(offset));
  step s;
  s.a = compile(what.arguments[0]);
  s.set = static_cast<uint32_t>(sets_.size());
  s.run = steps::find_dates;
  sets_.push_back(std::move(held));
  return add_step(s, shape::whole);
}

error expression_program::overflow_of(const expression& what) {
  if (has_bound(what))
    return {errc::overflow, "a number has more digits before its point than p "
                            "- s of numeric(p, s)"};
  return {errc::overflow, "a value of " + to_string(what)
                            + " does not fit its type: compute it of floats"};
}

void expression_program::run(std::span<const column_ref> columns, uint32_t base,
                             const uint16_t* rows, uint32_t count) {
  base_ = base;
  rows_ = rows;
  count_ = count;
  auto row = [&](uint32_t i) { return base + (rows ? uint32_t{rows[i]} : i); };
  for (const auto& each : inputs_) {
    const auto& column = columns[each.column];
    auto& slot = slots_[each.out];
    if (slot.kind == shape::text) {
      const bool is_guid = column.type == column_type::guid;
      for (uint32_t i = 0; i < count; ++i)
        slot.texts[i] = !column.values ? std::string_view{}
                        : is_guid      ? guid_at(column, row(i))
                                       : column.text(row(i));
    } else if (slot.kind == shape::real) {
      if (!column.values)
        std::fill_n(slot.floats.begin(), count, steps::null_float);
      else if (is_float(column.type))
        with_float(column.type, [&](auto load) {
          using loader = decltype(load);
          steps::load_rows(column.as<typename loader::raw>(), base, rows, count,
                           slot.floats.data(),
                           [](auto raw) { return loader::widen(raw); });
        });
      else
        for (uint32_t i = 0; i < count; ++i)
          slot.floats[i] = float_at(column, row(i));
    } else if (!column.values) {
      const auto type = columns_[each.column].type;
      const bool has_none
        = type == column_type::boolean || type == column_type::byte_;
      std::fill_n(slot.ints.begin(), count, has_none ? 0 : null_long);
    } else {
      with_integer(column.type, [&](auto load) {
        using loader = decltype(load);
        steps::load_rows(column.as<typename loader::raw>(), base, rows, count,
                         slot.ints.data(),
                         [](auto raw) { return loader::widen(raw); });
      });
    }
  }
  for (const auto& each : steps_)
    each.run(*this, each, count);
}

void expression_program::store(std::byte* into, uint32_t origin,
                               text::interner& texts) const {
  const auto& slot = slots_[result_];
  auto* first
    = into + size_t{base_ - origin} * static_cast<size_t>(width_of(type_));
  auto put = [&]<class To>(To, const auto& from, auto value_of) {
    steps::store_all<To>(from.data(), first, rows_, count_, value_of);
  };
  if (is_text(type_))
    return put(uint32_t{}, slot.texts,
               [&](std::string_view text) { return texts.code(text); });
  if (type_ == column_type::float_)
    return put(double{}, slot.floats, [](double x) { return x; });
  if (type_ == column_type::real)
    return put(float{}, slot.floats,
               [](double x) { return static_cast<float>(x); });
  switch (width_of(type_)) {
    case 1: {
      const auto blank
        = static_cast<uint8_t>(type_ == column_type::char_ ? ' ' : 0);
      return put(uint8_t{}, slot.ints, [blank](int64_t x) {
        return x == null_long ? blank : static_cast<uint8_t>(x);
      });
    }
    case 2:
      return put(int16_t{}, slot.ints, [](int64_t x) {
        return x == null_long ? null_short : static_cast<int16_t>(x);
      });
    case 4:
      return put(int32_t{}, slot.ints, [](int64_t x) {
        return x == null_long ? null_int : static_cast<int32_t>(x);
      });
    default:
      return put(int64_t{}, slot.ints, [](int64_t x) { return x; });
  }
}

} // namespace millrace::query
