#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/hdb/block_sums_internal.hpp>
#include <millrace/persistence/hdb/partition_columns_internal.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace millrace::persistence {

namespace {

constexpr uint32_t row_mask = 0xffff;
/// How many rows ahead a value is asked for: reads jump between the places of
/// one symbol's rows, and memory takes as long as about this many copies.
constexpr size_t prefetch_rows = 32;

using guid_value = std::array<uint64_t, 2>;

struct column_job {
  file_system& fs;
  const std::string& directory;
  const table_view& view;
  const partition_order& order;
  size_t column;

  [[nodiscard]] const column_schema& schema() const {
    return view.schema->columns[column];
  }
  [[nodiscard]] result<std::unique_ptr<column_file>>
  create(const std::string& suffix) const {
    return column_file::create(fs, directory, schema().name + suffix);
  }
};

error finish(column_file& out, written_files& into) {
  auto facts = out.finish();
  if (!facts)
    return facts.failure();
  into.files.push_back(std::move(*facts));
  return {};
}

template <class T>
error write_array(const column_job& job, const std::string& suffix,
                  const std::vector<T>& values, written_files& into) {
  auto out = job.create(suffix);
  if (!out)
    return out.failure();
  if (auto fault = (*out)->append(std::as_bytes(std::span{values})))
    return fault;
  return finish(**out, into);
}

/// Where each piece's values begin; pieces without the column share nulls.
template <class T>
class piece_values {
public:
  explicit piece_values(const column_job& job) {
    for (const auto& piece : job.order.pieces) {
      const auto& values = piece.segment->columns[job.column];
      if (!values.values && nulls_.empty()) {
        nulls_.resize(row_mask + 1);
        fill_null(job.schema().type,
                  reinterpret_cast<std::byte*>(nulls_.data()), nulls_.size());
      }
      bases_.push_back(values.values ? values.as<T>() + piece.begin
                                     : nulls_.data());
    }
  }
  [[nodiscard]] const T* operator()(uint32_t place) const noexcept {
    return bases_[place >> 16] + (place & row_mask);
  }

private:
  std::vector<const T*> bases_;
  std::vector<T> nulls_;
};

/// Calls `f(into, first, count)` for each chunk of rows that fits the file's
/// buffer; `f` fills `into` with values of type T for these places.
template <class T, class F>
error in_chunks(const partition_order& order, column_file& out, F&& f) {
  for (size_t done = 0; done < order.row_count;) {
    const auto room = out.room();
    const auto count
      = std::min(room.size() / sizeof(T), order.row_count - done);
    auto* into = reinterpret_cast<T*>(room.data());
    f(into, done, count);
    if (auto fault = out.written(count * sizeof(T)))
      return fault;
    done += count;
  }
  return {};
}

template <class T>
error write_fixed(const column_job& job, written_files& into) {
  auto out = job.create("");
  if (!out)
    return out.failure();
  const piece_values<T> values{job};
  const auto places = job.order.places();
  const auto type = job.schema().type;
  const auto fault
    = in_chunks<T>(job.order, **out, [&](T* to, size_t first, size_t count) {
        const auto* from = places.data() + first;
        const auto ahead
          = first + count + prefetch_rows <= places.size() ? prefetch_rows : 0;
        for (size_t i = 0; i < count; ++i) {
          __builtin_prefetch(values(from[i + ahead]));
          to[i] = *values(from[i]);
        }
        into.zone = merge_zones(
          into.zone, zone_of(type, reinterpret_cast<std::byte*>(to), count));
      });
  return fault ? fault : finish(**out, into);
}

/// The column that the rows are sorted by: its runs are known.
error write_sorted_codes(const column_job& job, column_file& out) {
  auto range = job.order.ranges.begin();
  return in_chunks<uint32_t>(
    job.order, out, [&](uint32_t* to, size_t first, size_t count) {
      for (size_t done = 0; done < count;) {
        while (range->end <= first + done)
          ++range;
        const auto run = std::min(count - done, range->end - (first + done));
        std::fill_n(to + done, run, range->code);
        done += run;
      }
    });
}

error write_codes(const column_job& job, column_file& out) {
  const piece_values<uint32_t> values{job};
  const auto& plan = job.order.symbols[job.column];
  const std::vector<uint32_t> only_null(1, 0);
  std::vector<const uint32_t*> codes; // By piece.
  for (const auto& piece : job.order.pieces) {
    const auto& column = piece.segment->columns[job.column];
    codes.push_back(column.values ? plan.codes.at(column.dictionary).data()
                                  : only_null.data());
  }
  const auto places = job.order.places();
  return in_chunks<uint32_t>(job.order, out,
                             [&](uint32_t* to, size_t first, size_t count) {
                               for (size_t i = 0; i < count; ++i) {
                                 const auto place = places[first + i];
                                 to[i] = codes[place >> 16][*values(place)];
                               }
                             });
}

error write_symbols(const column_job& job, written_files& into) {
  auto out = job.create("");
  if (!out)
    return out.failure();
  const auto& plan = job.order.symbols[job.column];
  const bool sorted = job.schema().name == job.view.schema->symbol_column;
  auto fault
    = sorted ? write_sorted_codes(job, **out) : write_codes(job, **out);
  if (fault)
    return fault;
  if ((fault = finish(**out, into)))
    return fault;
  // Every symbol of the plan occurs, but for the null.
  if (plan.symbols.size() > 1)
    into.zone = {false, 1, static_cast<int64_t>(plan.symbols.size()) - 1, 0, 0};
  std::vector<uint32_t> ends;
  std::vector<char> text;
  for (const auto symbol : plan.symbols) {
    text.insert(text.end(), symbol.begin(), symbol.end());
    if (text.size() > UINT32_MAX)
      return too_much_text(*job.view.schema, job.column);
    ends.push_back(static_cast<uint32_t>(text.size()));
  }
  if ((fault = write_array(job, ".ends", ends, into)))
    return fault;
  return write_array(job, ".text", text, into);
}

error write_strings(const column_job& job, written_files& into) {
  auto ends = job.create("");
  if (!ends)
    return ends.failure();
  auto text = job.create(".text");
  if (!text)
    return text.failure();
  into.zone = zone_of(column_type::string, nullptr, 0);
  uint64_t total = 0;
  for (const auto place : job.order.places()) {
    const auto& piece = job.order.pieces[place >> 16];
    const auto& column = piece.segment->columns[job.column];
    if (column.values) {
      const auto row = piece.begin + (place & row_mask);
      const auto* theirs = column.as<uint32_t>();
      const auto begin = row == 0 ? 0 : theirs[row - 1];
      const auto bytes
        = std::as_bytes(std::span{column.text + begin, theirs[row] - begin});
      total += bytes.size();
      if (total > UINT32_MAX)
        return too_much_text(*job.view.schema, job.column);
      if (auto fault = (*text)->append(bytes))
        return fault;
    }
    const auto end = static_cast<uint32_t>(total);
    if (auto fault = (*ends)->append(std::as_bytes(std::span{&end, 1})))
      return fault;
  }
  if (auto fault = finish(**ends, into))
    return fault;
  return finish(**text, into);
}

} // namespace

error too_much_text(const table_schema& schema, size_t column) {
  return {errc::limit_exceeded,
          "table '" + schema.name + "', column '" + schema.columns[column].name
            + "': a partition holds at most 4 GiB of text"};
}

result<written_files> write_column(file_system& fs,
                                   const std::string& directory,
                                   const table_view& view,
                                   const partition_order& order,
                                   size_t column) {
  const column_job job{fs, directory, view, order, column};
  written_files out;
  error fault;
  const auto type = job.schema().type;
  if (type == column_type::symbol)
    fault = write_symbols(job, out);
  else if (type == column_type::string)
    fault = write_strings(job, out);
  else
    switch (width_of(type)) {
      case 1:
        fault = write_fixed<uint8_t>(job, out);
        break;
      case 2:
        fault = write_fixed<uint16_t>(job, out);
        break;
      case 4:
        fault = write_fixed<uint32_t>(job, out);
        break;
      case 8:
        fault = write_fixed<uint64_t>(job, out);
        break;
      default:
        fault = write_fixed<guid_value>(job, out);
        break;
    }
  if (fault)
    return fault;
  return out;
}

result<written_files> write_sums(file_system& fs, const std::string& directory,
                                 const std::vector<written_files>& written) {
  block_sums sums;
  for (const auto& each : written)
    for (const auto& file : each.files)
      sums.push_back(file.blocks);
  written_files out;
  if (std::all_of(sums.begin(), sums.end(),
                  [](const auto& blocks) { return blocks.empty(); }))
    return out;
  auto file = column_file::create(fs, directory, sums_file_name);
  if (!file)
    return file.failure();
  if (auto fault = (*file)->append(encode(sums)))
    return fault;
  if (auto fault = finish(**file, out))
    return fault;
  return out;
}

result<written_files> write_row_files(file_system& fs,
                                      const std::string& directory,
                                      const partition_order& order) {
  written_files out;
  auto numbers = column_file::create(fs, directory, ".order");
  if (!numbers)
    return numbers.failure();
  // Of rdb rows, the number of the first is taken off.
  uint64_t base = UINT64_MAX;
  uint64_t last = 0;
  std::vector<uint64_t> bases; // By piece.
  for (const auto& piece : order.pieces) {
    const auto& segment = *piece.segment;
    bases.push_back(segment.order ? 0 : segment.order_base + piece.begin);
    base = std::min(base, bases.back());
    last = std::max(last, bases.back() + piece.count);
  }
  if (last - base > UINT32_MAX)
    return error{errc::limit_exceeded, "stream orders " + std::to_string(base)
                                         + " to " + std::to_string(last)
                                         + " within one partition"};
  const auto places = order.places();
  auto fault = in_chunks<uint32_t>(
    order, **numbers, [&](uint32_t* to, size_t first, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const auto place = places[first + i];
        const auto& piece = order.pieces[place >> 16];
        const auto row = place & row_mask;
        to[i] = piece.segment->order
                  ? piece.segment->order[piece.begin + row]
                  : static_cast<uint32_t>(bases[place >> 16] - base + row);
      }
    });
  if (fault)
    return fault;
  if ((fault = finish(**numbers, out)))
    return fault;
  auto ranges = column_file::create(fs, directory, ".ranges");
  if (!ranges)
    return ranges.failure();
  if ((fault = (*ranges)->append(std::as_bytes(std::span{order.ranges}))))
    return fault;
  if ((fault = finish(**ranges, out)))
    return fault;
  return out;
}

} // namespace millrace::persistence
