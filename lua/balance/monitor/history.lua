-- SPDX-License-Identifier: MIT
--- The history of an account: what was left, and when.
--
-- A history is a list of samples in the order of their arrival, each with `at`
-- (Unix time) and `left`. `top_up` is by how much more was left than before;
-- `begins` is true of the first sample of a segment, which has no interval
-- before it: the unit or the field changed.
--
-- Of the samples of a quarter of an hour the last one stays, and of those that
-- are older than a week, the last one of a day. After 90 days they go. So there
-- are some 760, and never more than `max_samples`. A joined sample has the
-- top-ups of all.
-- @module balance.monitor.history

local numbers = require "balance.monitor.number"

local _M = {}

local quarter, day = 900, 86400 -- seconds
local fine_days, days = 7, 90
local fine, longest = fine_days * day, days * day

--- The most samples that a history has: of a clock that is set back and forth,
-- too.
_M.max_samples = 768

local smallest_part = 0.001 -- of what is left

-- By how much an amount may differ from another one without a reason: a step
-- of the service's, or a thousandth.
local function epsilon(left)
  local step = left % 1 == 0 and 1 or 0.01
  return math.max(step, math.abs(left) * smallest_part)
end

--- The rise of a new amount over the lowest one since the last top-up.
-- @tparam number lowest
-- @tparam number left
-- @treturn ?number nil where it is not a top-up
function _M.rise(lowest, left)
  return left - lowest > epsilon(lowest) and left - lowest or nil
end

--- Goes through a history.
-- @tparam {table,...} history
-- @tparam ?function each called for each interval with the sample before it,
-- the one at its end, and the drop in it: how far that is below all since the
-- last top-up
-- @treturn ?number the lowest amount since the last top-up; nil: no sample
function _M.walk(history, each)
  local lowest
  for i, sample in ipairs(history) do
    local left = sample.left
    if i == 1 or sample.begins or sample.top_up then
      lowest = left
    else
      if each then
        each(history[i - 1], sample, math.max(lowest - left, 0))
      end
      lowest = math.min(lowest, left)
    end
  end
  return lowest
end

-- Two samples that follow each other, as one.
local function join(before, after)
  local top_up = after.top_up
  if before.top_up and not after.begins then
    top_up = before.top_up + (top_up or 0)
  end
  return {
    at = after.at, left = after.left, top_up = top_up,
    begins = before.begins or after.begins,
  }
end

local function is_same(span, a, b)
  return math.floor(a.at / span) == math.floor(b.at / span)
end

-- A new list, without what is too old at a time.
local function thin(history, now)
  local kept, last = {}, nil
  for _, sample in ipairs(history) do
    local age = now - sample.at
    if age <= longest then
      if last and is_same(age > fine and day or quarter, last, sample) then
        sample = join(last, sample)
      else
        kept[#kept + 1] = false
      end
      kept[#kept], last = sample, sample
    end
  end
  while #kept > _M.max_samples do
    table.remove(kept, 1)
  end
  return kept
end

--- Adds a sample.
-- @tparam {table,...} history
-- @tparam number at Unix time
-- @tparam number left
-- @tparam ?boolean begins whether it is the first of a segment
-- @tparam number now Unix time
-- @treturn {table,...} a new history
-- @treturn ?number the top-up
function _M.add(history, at, left, begins, now)
  local lowest = not begins and _M.walk(history)
  local top_up = lowest and _M.rise(lowest, left) or nil
  local longer = {}
  for i, sample in ipairs(history) do
    longer[i] = sample
  end
  longer[#longer + 1] = {
    at = at, left = left, top_up = top_up,
    begins = (begins or not lowest) and true or nil,
  }
  return thin(longer, now), top_up
end

--- Adds the samples of another history of the same account, for times of which
-- this one knows nothing.
-- @tparam {table,...} history
-- @tparam {table,...} other
-- @treturn {table,...} this one, or a new one, sorted by time
function _M.merge(history, other)
  local has, all, missing = {}, {}, false
  for i, sample in ipairs(history) do
    all[i] = sample
    has[math.floor(sample.at / quarter)] = true
    has["day " .. math.floor(sample.at / day)] = true
  end
  local newest = history[#history] and history[#history].at or 0
  for _, sample in ipairs(other) do
    local is_known = has[math.floor(sample.at / quarter)]
      or newest - sample.at > fine
      and has["day " .. math.floor(sample.at / day)]
    if not is_known then
      all[#all + 1], missing = sample, true
    end
  end
  if not missing then
    return history
  end
  table.sort(all, function(a, b) return a.at < b.at end)
  return all
end

-- Text --------------------------------------------------------------------------

-- A line is: the time, what is left, and "-", "b" where a segment begins, and
-- the top-up, "+500".
local line = "^(%d+) (%S+) (b?)([-+]?)(%S*)$"

-- Samples are written again and again, and never change.
local written = setmetatable({}, { __mode = "k" })

local function write_sample(sample)
  local mark = (sample.begins and "b" or "")
    .. (sample.top_up and "+" .. numbers.write(sample.top_up) or "")
  written[sample] = ("%.0f %s %s"):format(sample.at,
    numbers.write(sample.left), mark ~= "" and mark or "-")
  return written[sample]
end

--- A history as text, with amounts as exact decimals.
-- @tparam {table,...} history
-- @treturn string
function _M.encode(history)
  local lines = {}
  for i, sample in ipairs(history) do
    lines[i] = written[sample] or write_sample(sample)
  end
  return table.concat(lines, "\n")
end

local max_time = 253402300799 -- the end of the year 9999

local function read_sample(text)
  local at, left, begins, sign, top_up = text:match(line)
  at, left = tonumber(at), numbers.read(left)
  if not at or at > max_time or not left then
    return nil
  end
  local sample = { at = at, left = left, begins = begins ~= "" or nil }
  if sign == "+" then
    sample.top_up = numbers.read(top_up)
    return sample.top_up and sample
  end
  return top_up == "" and sample or nil
end

--- Reads what `encode` has written.
-- @tparam string text
-- @treturn ?{table,...} nil where it is anything else
function _M.decode(text)
  local history = {}
  for each in text:gmatch "[^\n]+" do
    local sample = #history < _M.max_samples and read_sample(each)
    if not sample then
      return nil
    end
    history[#history + 1] = sample
  end
  return history
end

return _M
