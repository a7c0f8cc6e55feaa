#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/schema/hdb.capnp.h>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/persistence/disk/kdb_directory.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <xxhash.h>

namespace millrace::persistence {

namespace {

/// The last one of the magic is the format.
constexpr char newest_format = 2;

/// The file begins with these 32 bytes, little endian; Cap'n Proto follows.
struct preamble {
  std::array<char, 8> magic{'M', 'R', 'H', 'D', 'B', 0, 0, newest_format};
  uint64_t version = 0;
  uint64_t payload_bytes = 0;
  /// XXH3-64 of the payload, seeded with the one of the fields above.
  uint64_t checksum = 0;

  /// Also those of formats before this one: fields are only added.
  [[nodiscard]] bool begins_as_one() const noexcept {
    auto same = magic;
    same.back() = newest_format;
    return same == preamble{}.magic && magic.back() >= 1
           && magic.back() <= newest_format;
  }
};
static_assert(sizeof(preamble) == 32);

uint64_t checksum_of(const preamble& head, std::span<const std::byte> payload) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(),
                              XXH3_64bits(&head, offsetof(preamble, checksum)));
}

error corrupt(const std::string& what) {
  return {errc::corrupt, "hdb manifest: " + what};
}

/// A name that is one component of a path and no dot file.
bool fits_path(std::string_view name) {
  return !name.empty() && name[0] != '.' && name.size() <= 200
         && name.find('/') == std::string_view::npos
         && name.find('\0') == std::string_view::npos;
}

void write_part(const hdb_part& part, schema::HdbPart::Builder out) {
  out.setStream(part.stream);
  out.setTable(part.table);
  out.setPeriod(part.period);
  out.setPartition(part.partition);
  out.setStripe(part.stripe);
  out.setStripeCount(part.stripe_count);
  out.setFromPosition(part.from.value);
  out.setToPosition(part.to.value);
  out.setDirectory(part.directory);
  out.setSchemaVersion(part.schema_version);
  out.setRowCount(part.row_count);
  auto zones = out.initZones(static_cast<unsigned>(part.zones.size()));
  for (unsigned i = 0; i < zones.size(); ++i) {
    zones[i].setEmpty(part.zones[i].empty);
    zones[i].setLow(part.zones[i].low);
    zones[i].setHigh(part.zones[i].high);
    zones[i].setLowFloat(part.zones[i].low_float);
    zones[i].setHighFloat(part.zones[i].high_float);
    zones[i].setNoNulls(!part.zones[i].may_be_null);
  }
  auto files = out.initFiles(static_cast<unsigned>(part.files.size()));
  for (unsigned i = 0; i < files.size(); ++i) {
    files[i].setName(part.files[i].name);
    files[i].setBytes(part.files[i].bytes);
    files[i].setChecksum(part.files[i].checksum);
  }
}

hdb_part decode_part(schema::HdbPart::Reader in) {
  hdb_part part;
  part.stream = in.getStream().cStr();
  part.table = in.getTable().cStr();
  part.period = in.getPeriod();
  part.partition = in.getPartition().cStr();
  part.stripe = in.getStripe();
  part.stripe_count = in.getStripeCount();
  part.from = {in.getFromPosition()};
  part.to = {in.getToPosition()};
  part.directory = in.getDirectory();
  part.schema_version = in.getSchemaVersion();
  part.row_count = static_cast<uint32_t>(in.getRowCount());
  for (auto zone : in.getZones())
    part.zones.push_back({zone.getEmpty(), zone.getLow(), zone.getHigh(),
                          zone.getLowFloat(), zone.getHighFloat(),
                          !zone.getNoNulls()});
  for (auto file : in.getFiles())
    part.files.push_back(
      {file.getName().cStr(), file.getBytes(), file.getChecksum()});
  return part;
}

void write_loss(const hdb_loss& loss, schema::HdbLoss::Builder out) {
  out.setStream(loss.stream);
  out.setTable(loss.table);
  out.setKind(static_cast<schema::HdbLossKind>(loss.kind));
  out.setFromPosition(loss.from.value);
  out.setToPosition(loss.to.value);
  out.setCount(loss.count);
  out.setText(loss.text);
}

hdb_loss::kind_type read_kind(schema::HdbLossKind kind) {
  switch (kind) {
    case schema::HdbLossKind::REJECTS:
      return hdb_loss::rejects;
    case schema::HdbLossKind::UNHELD:
      return hdb_loss::unheld;
    default:
      return hdb_loss::stream_event;
  }
}

hdb_loss read_loss(schema::HdbLoss::Reader in) {
  return {read_kind(in.getKind()), in.getStream().cStr(), in.getTable().cStr(),
          {in.getFromPosition()},  {in.getToPosition()},  in.getCount(),
          in.getText().cStr()};
}

result<hdb_manifest> read_manifest(schema::HdbManifest::Reader root) {
  hdb_manifest out;
  out.version = root.getVersion();
  for (auto bytes : root.getSchemas()) {
    auto schema = decode_table_schema(
      reinterpret_cast<const std::byte*>(bytes.begin()), bytes.size());
    if (!schema)
      return schema.failure();
    out.schemas.push_back(std::move(*schema));
  }
  // Many tables have many parts.
  std::map<std::pair<std::string_view, uint32_t>, const table_schema*> known;
  for (const auto& schema : out.schemas)
    known.emplace(std::pair{std::string_view{schema.name}, schema.version},
                  &schema);
  for (auto part : root.getParts()) {
    if (part.getRowCount() > UINT32_MAX)
      return corrupt("a part of " + std::to_string(part.getRowCount())
                     + " rows");
    out.parts.push_back(decode_part(part));
    const auto& last = out.parts.back();
    const auto found = known.find({last.table, last.schema_version});
    const auto* schema = found == known.end() ? nullptr : found->second;
    if (!schema)
      return corrupt(last.path() + " has no schema");
    if (last.zones.size() != schema->columns.size())
      return corrupt(last.path() + " has " + std::to_string(last.zones.size())
                     + " zone maps for "
                     + std::to_string(schema->columns.size()) + " columns");
    if (!fits_path(last.partition) || !fits_path(last.table)
        || !std::all_of(last.files.begin(), last.files.end(),
                        [](const auto& file) {
                          return file.name.find('/') == std::string::npos;
                        }))
      return corrupt("a part's path leaves the directory");
  }
  for (auto life : root.getLives())
    out.lives[life.getStream().cStr()] = {{life.getHigh(), life.getLow()}};
  for (auto loss : root.getLosses())
    out.losses.push_back(read_loss(loss));
  for (const auto change : root.getChanges())
    out.changes.push_back(change);
  return out;
}

/// The ranges of one table of a stream, by their end; they do not overlap.
class landed_ranges {
public:
  void add(const hdb_part& part) {
    auto& one = ranges_[part.to];
    ++one.landed;
    one.declared = part.stripe_count;
  }
  /// The end of the last one before which, and in which, no stripe lacks.
  [[nodiscard]] std::optional<position> complete_to() const {
    std::optional<position> complete;
    for (const auto& [to, one] : ranges_) {
      if (one.landed < one.declared)
        break;
      complete = to;
    }
    return complete;
  }

private:
  struct range {
    uint32_t landed = 0;
    uint32_t declared = 0;
  };
  std::map<position, range> ranges_;
};

std::string range_text(const hdb_part& part) {
  return "table '" + part.table + "' of stream '" + part.stream + "', stripe "
         + std::to_string(part.stripe) + " of "
         + std::to_string(part.stripe_count) + ", (" + to_string(part.from)
         + ", " + to_string(part.to) + "]";
}

} // namespace

std::string hdb_part::path() const {
  return partition + "/" + table + "/" + std::to_string(directory);
}

uint64_t hdb_part::identity() const {
  ::capnp::MallocMessageBuilder builder;
  write_part(*this, builder.initRoot<schema::HdbPart>());
  const auto bytes = messages::to_bytes(builder);
  return XXH3_64bits(bytes.data(), bytes.size());
}

const hdb_file* hdb_part::file(std::string_view name) const noexcept {
  const auto at = std::find_if(files.begin(), files.end(),
                               [&](const auto& f) { return f.name == name; });
  return at == files.end() ? nullptr : &*at;
}

const table_schema* hdb_manifest::schema(std::string_view table,
                                         uint32_t schema_version) const {
  for (const auto& one : schemas)
    if (one.name == table && one.version == schema_version)
      return &one;
  return nullptr;
}

const table_schema* hdb_manifest::newest_schema(std::string_view table) const {
  const table_schema* newest = nullptr;
  for (const auto& one : schemas)
    if (one.name == table && (!newest || one.version > newest->version))
      newest = &one;
  return newest;
}

std::string hdb_manifest::no_table(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& one : schemas)
    known.push_back(one.name);
  return "there is no table '" + name + "'" + text::meant(name, known);
}

std::optional<position> hdb_manifest::cutover(std::string_view stream,
                                              std::string_view table) const {
  landed_ranges ranges;
  for (const auto& part : parts)
    if (part.stream == stream && part.table == table)
      ranges.add(part);
  return ranges.complete_to();
}

std::map<hdb_manifest::place, position> hdb_manifest::cutovers() const {
  std::map<place, landed_ranges> ranges;
  for (const auto& part : parts)
    ranges[{part.stream, part.table}].add(part);
  std::map<place, position> out;
  for (const auto& [of, landed] : ranges)
    if (const auto at = landed.complete_to())
      out.emplace(of, *at);
  return out;
}

lineage_id hdb_manifest::life(std::string_view stream) const {
  const auto found = lives.find(stream);
  return found == lives.end() ? lineage_id{} : found->second;
}

namespace {

error overlaps(const hdb_part& part, const hdb_part& here) {
  return {errc::already_exists, range_text(part) + " overlaps "
                                  + range_text(here) + " in " + here.path()};
}

} // namespace

range_check::range_check(const hdb_manifest& manifest, const hdb_part& part) {
  of_.stream = part.stream;
  of_.table = part.table;
  of_.stripe_count = part.stripe_count;
  of_.from = part.from;
  of_.to = part.to;
  joined_ = part.from == position{};
  for (const auto& here : manifest.parts) {
    if (part.from > here.to || part.to <= here.from
        || here.stream != part.stream || here.table != part.table)
      continue;
    if (here.from == part.from && here.to == part.to
        && here.stripe_count == part.stripe_count)
      stripes_[here.stripe] = {here.period, here.partition, here.directory};
    else if (part.from == here.to)
      joined_ = true;
    else if (!overlap_)
      overlap_ = overlaps(part, here);
  }
}

bool range_check::is_of(const hdb_part& part) const noexcept {
  return part.from == of_.from && part.to == of_.to
         && part.stripe_count == of_.stripe_count && part.stream == of_.stream
         && part.table == of_.table;
}

result<bool> range_check::contains(const hdb_part& part) const {
  if (part.from >= part.to || part.stripe >= part.stripe_count
      || !fits_path(part.partition) || !fits_path(part.table))
    return error{errc::invalid_argument,
                 range_text(part) + " to partition '" + part.partition
                   + "' is not a range, a stripe and a name"};
  if (overlap_)
    return overlap_;
  if (const auto here = stripes_.find(part.stripe); here != stripes_.end()) {
    const auto& [period, partition, directory] = here->second;
    if (period == part.period && partition == part.partition)
      return true;
    auto other = of_;
    other.stripe = part.stripe;
    other.partition = partition;
    other.directory = directory;
    return overlaps(part, other);
  }
  if (!joined_ && stripes_.empty())
    return error{errc::invalid_argument,
                 range_text(part)
                   + " leaves rows out: no partition ends where it begins"};
  return false;
}

void range_check::add(const hdb_part& part) {
  stripes_[part.stripe] = {part.period, part.partition, part.directory};
}

result<bool> hdb_manifest::contains(const hdb_part& part) const {
  return range_check{*this, part}.contains(part);
}

bool hdb_manifest::holds(const hdb_part& part) const noexcept {
  return std::any_of(parts.begin(), parts.end(), [&](const auto& here) {
    return here.stream == part.stream && here.table == part.table
           && here.from == part.from && here.to == part.to
           && here.period == part.period;
  });
}

std::vector<std::string> lines_of(const std::vector<hdb_loss>& losses) {
  constexpr size_t lines_max = 10;
  std::vector<std::string> out;
  uint64_t others = 0;
  for (const auto& each : losses) {
    if (out.size() < lines_max) {
      out.push_back(each.text);
      others += each.count - 1;
    } else {
      others += each.count;
    }
  }
  if (others != 0)
    out.push_back("and " + std::to_string(others) + " more");
  return out;
}

std::string date_partition_name(int64_t period) {
  return text::date_text(period, '.');
}

std::vector<std::byte> encode(const hdb_manifest& manifest) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::HdbManifest>();
  root.setVersion(manifest.version);
  auto schemas
    = root.initSchemas(static_cast<unsigned>(manifest.schemas.size()));
  for (unsigned i = 0; i < schemas.size(); ++i) {
    const auto bytes = encode(manifest.schemas[i]);
    schemas.set(
      i, ::capnp::Data::Reader{reinterpret_cast<const kj::byte*>(bytes.data()),
                               bytes.size()});
  }
  auto parts = root.initParts(static_cast<unsigned>(manifest.parts.size()));
  for (unsigned i = 0; i < parts.size(); ++i)
    write_part(manifest.parts[i], parts[i]);
  auto lives = root.initLives(static_cast<unsigned>(manifest.lives.size()));
  unsigned count = 0;
  for (const auto& [stream, life] : manifest.lives) {
    auto out = lives[count++];
    out.setStream(stream);
    out.setHigh(life.words[0]);
    out.setLow(life.words[1]);
  }
  auto losses = root.initLosses(static_cast<unsigned>(manifest.losses.size()));
  for (unsigned i = 0; i < losses.size(); ++i)
    write_loss(manifest.losses[i], losses[i]);
  auto changes
    = root.initChanges(static_cast<unsigned>(manifest.changes.size()));
  for (unsigned i = 0; i < changes.size(); ++i)
    changes.set(i, manifest.changes[i]);
  const auto payload = messages::to_bytes(builder);
  preamble head;
  head.version = manifest.version;
  head.payload_bytes = payload.size();
  head.checksum = checksum_of(head, payload);
  std::vector<std::byte> out(sizeof head + payload.size());
  std::memcpy(out.data(), &head, sizeof head);
  std::memcpy(out.data() + sizeof head, payload.data(), payload.size());
  return out;
}

uint64_t identity_of(std::span<const std::byte> encoded) noexcept {
  preamble head;
  MILLRACE_ASSERT(encoded.size() >= sizeof head);
  std::memcpy(static_cast<void*>(&head), encoded.data(), sizeof head);
  return head.checksum;
}

result<hdb_manifest> decode_hdb_manifest(std::span<const std::byte> bytes) {
  preamble head;
  if (bytes.size() < sizeof head)
    return corrupt(std::to_string(bytes.size()) + " bytes");
  std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
  const auto payload = bytes.subspan(sizeof head);
  if (!head.begins_as_one())
    return corrupt("it does not begin as one of a format up to "
                   + std::to_string(newest_format));
  if (head.payload_bytes != payload.size())
    return corrupt(std::to_string(payload.size()) + " bytes where "
                   + std::to_string(head.payload_bytes) + " are announced");
  if (head.checksum != checksum_of(head, payload))
    return corrupt("the checksum differs");
  auto out = messages::read_as<schema::HdbManifest>(payload, read_manifest);
  if (!out)
    return corrupt(out.failure().context);
  if (out->version != head.version)
    return corrupt("two versions");
  out->identity = head.checksum;
  return out;
}

namespace {

/// Part directories are plain decimal numbers.
bool is_version(std::string_view name) {
  uint64_t number = 0;
  const auto [end, fault]
    = std::from_chars(name.data(), name.data() + name.size(), number);
  return fault == std::errc{} && end == name.data() + name.size()
         && !(name.size() > 1 && name[0] == '0');
}

/// "<table>/<number>" of a partition, until `take` is content. What the system
/// or an operator has put beside the partitions, as the lost+found of a mount,
/// may be closed to this process: it has none.
error walk_parts(file_system& fs, const std::string& partition, bool is_date,
                 const std::function<bool(const std::string&)>& take) {
  const auto unreadable = [&](const error& fault) {
    return is_date || fault.code != errc::permission ? fault : error{};
  };
  auto tables = fs.list(partition);
  if (!tables)
    return unreadable(tables.failure());
  for (const auto& table : *tables) {
    if (!table.is_directory)
      continue;
    auto versions = fs.list(partition + "/" + table.name);
    if (!versions) {
      if (auto fault = unreadable(versions.failure()))
        return fault;
      continue;
    }
    for (const auto& version : *versions)
      if (version.is_directory && is_version(version.name)
          && take(table.name + "/" + version.name))
        return {};
  }
  return {};
}

/// Partitions without a manifest had one.
error lost_or_never_there(file_system& fs, const std::string& directory,
                          const error& fault) {
  auto entries = fs.list(directory);
  if (!entries)
    return entries.failure().code == errc::not_found ? fault
                                                     : entries.failure();
  if (auto foreign = check_not_of_kdb(fs, directory))
    return foreign;
  for (const auto& entry : *entries)
    if (entry.is_directory && is_partition(fs, directory, entry.name))
      return {errc::corrupt, directory + "/" + hdb_manifest_name
                               + " is missing, but there is '" + entry.name
                               + "'; bring the manifest back, or use an empty "
                                 "directory"};
  return fault;
}

} // namespace

bool names_a_date(std::string_view name) noexcept {
  constexpr std::string_view shape = "0000.00.00";
  return name.size() == shape.size()
         && std::equal(name.begin(), name.end(), shape.begin(),
                       [](char c, char like) {
                         return like == '.' ? c == '.' : c >= '0' && c <= '9';
                       });
}

bool is_partition(file_system& fs, const std::string& directory,
                  const std::string& name) {
  if (names_a_date(name))
    return true;
  bool found = false;
  const auto fault = name[0] == '.'
                       ? error{}
                       : walk_parts(fs, directory + "/" + name, false,
                                    [&](const auto&) { return found = true; });
  return found || fault;
}

result<hdb_manifest> read_hdb_manifest(file_system& fs,
                                       const std::string& directory) {
  const auto path = directory + "/" + hdb_manifest_name;
  auto bytes = read_own_file(fs, path, hdb_manifest_bytes_max);
  if (!bytes)
    return bytes.failure().code == errc::not_found
             ? lost_or_never_there(fs, directory, bytes.failure())
             : bytes.failure();
  auto out = decode_hdb_manifest(*bytes);
  if (!out)
    return error{out.failure().code, path + ": " + out.failure().context};
  return out;
}

result<uint64_t> peek_hdb_manifest(file_system& fs,
                                   const std::string& directory) {
  const auto path = directory + "/" + hdb_manifest_name;
  auto opened = fs.open(path, open_mode::read);
  if (!opened)
    return opened.failure();
  preamble head;
  std::array<std::byte, sizeof head> bytes{};
  auto got = (*opened)->read_at(0, bytes);
  if (!got)
    return got.failure();
  std::memcpy(static_cast<void*>(&head), bytes.data(), sizeof head);
  if (*got != sizeof head || !head.begins_as_one())
    return error{errc::corrupt, path + ": it does not begin as one"};
  return head.checksum;
}

result<std::vector<std::string>> unnamed_parts(file_system& fs,
                                               const std::string& directory,
                                               const hdb_manifest& manifest) {
  std::set<std::string> known;
  for (const auto& part : manifest.parts)
    if (part.row_count != 0)
      known.insert(part.path());
  std::vector<std::string> out;
  auto partitions = fs.list(directory);
  if (!partitions)
    return partitions.failure();
  for (const auto& partition : *partitions) {
    if (!partition.is_directory || partition.name[0] == '.')
      continue;
    auto fault
      = walk_parts(fs, directory + "/" + partition.name,
                   names_a_date(partition.name), [&](const std::string& part) {
                     auto path = partition.name + "/" + part;
                     if (!known.contains(path))
                       out.push_back(std::move(path));
                     return false;
                   });
    if (fault)
      return fault;
  }
  return out;
}

} // namespace millrace::persistence
