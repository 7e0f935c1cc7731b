-- SPDX-License-Identifier: MIT
--- The line of an account's last seven days, as inline SVG.
--
-- The picture is stretched to the width of its place; strokes and dots are not.
-- It begins at 0, so that its height shows how much is left. A gap is where the
-- unit changed. A dashed line goes up where there was a top-up, and across at
-- the threshold of an alarm.
-- @module balance.report.chart

local words = require "balance.report.words"

local _M = {}

local span = 7 * 86400 -- seconds
local width, height, columns = 672, 100, 168 -- a column for each hour
local margin = 4 -- above and below the line

-- The last sample of each column, with the top-ups of all.
local function thin(history, began)
  local kept, last_column = {}, nil
  for _, sample in ipairs(history) do
    local column = math.floor((sample.at - began) / span * columns)
    if column >= 0 and column <= columns then
      local before = kept[#kept]
      if column == last_column and not sample.begins then
        kept[#kept] = {
          at = sample.at, left = sample.left, begins = before.begins,
          top_up = sample.top_up and sample.top_up + (before.top_up or 0)
            or before.top_up,
        }
      else
        kept[#kept + 1], last_column = sample, column
      end
    end
  end
  return kept
end

local function bounds_of(samples, threshold)
  local low, high = math.min(threshold or 0, 0), math.max(threshold or 0, 0)
  for _, sample in ipairs(samples) do
    low, high = math.min(low, sample.left), math.max(high, sample.left)
  end
  return low, high > low and high or low + 1
end

-- Functions for the place of a time and of an amount, in whole pixels.
local function scales(samples, began, threshold)
  local low, high = bounds_of(samples, threshold)
  local function x_of(at)
    return math.floor((at - began) / span * width + 0.5)
  end
  local function y_of(left)
    return math.floor(height - margin
      - (left - low) / (high - low) * (height - 2 * margin) + 0.5)
  end
  return x_of, y_of
end

-- The line, and the same closed down to 0, as the data of two paths.
local function paths_of(samples, x_of, y_of)
  local line, area, first, last = {}, {}, nil, nil
  local ground = y_of(0)
  local function close()
    if first then
      area[#area + 1] = ("V%dH%dZ"):format(ground, first)
    end
  end
  for _, sample in ipairs(samples) do
    local x, y = x_of(sample.at), y_of(sample.left)
    if not first or sample.begins then
      close()
      first = x
      line[#line + 1] = ("M%d %d"):format(x, y)
    else
      line[#line + 1] = ("L%d %d"):format(x, y)
    end
    area[#area + 1], last = line[#line], x
  end
  close()
  return table.concat(line), table.concat(area), last
end

local stroke = ' vector-effect="non-scaling-stroke"'

local function marks_of(account, samples, x_of, escape)
  local marks = {}
  for _, sample in ipairs(samples) do
    if sample.top_up then
      marks[#marks + 1] = ('<path class="top-up" d="M%d %dV0"%s><title>%s'
        .. "</title></path>"):format(x_of(sample.at), height, stroke,
        escape(("top-up of %s, %s"):format(
          words.phrase(account, sample.top_up), words.time(sample.at))))
    end
  end
  return table.concat(marks), #marks
end

-- What the picture shows, in words.
local function describe(account, samples, top_ups, threshold)
  local low, high = samples[1].left, samples[1].left
  for _, sample in ipairs(samples) do
    low, high = math.min(low, sample.left), math.max(high, sample.left)
  end
  local words_of = { "highest " .. words.phrase(account, high),
    "lowest " .. words.phrase(account, low) }
  if top_ups > 0 then
    words_of[3] = top_ups == 1 and "1 top-up" or top_ups .. " top-ups"
  end
  if threshold then
    words_of[#words_of + 1] = "alarm below "
      .. words.phrase(account, threshold)
  end
  return table.concat(words_of, ", ")
end

--- Draws the line.
-- @tparam balance.WatchedAccount account
-- @tparam number now Unix time
-- @tparam string id of the picture, for its title
-- @tparam string name of the account, escaped
-- @tparam function escape makes a text fit for HTML
-- @treturn ?string an SVG element; nil where there is no sample in seven days
-- @treturn ?string then, what it shows in words
function _M.draw(account, now, id, name, escape)
  local began = now - span
  local samples = thin(account.history, began)
  if not samples[1] then
    return nil
  end
  local threshold = account.alarms.min and account.alarms.min.min
  local x_of, y_of = scales(samples, began, threshold)
  local line, area, last = paths_of(samples, x_of, y_of)
  local marks, top_ups = marks_of(account, samples, x_of, escape)
  local said = describe(account, samples, top_ups, threshold)
  return table.concat {
    ('<svg role="img" aria-labelledby="%s" viewBox="0 0 %d %d"'
      .. ' preserveAspectRatio="none">'):format(id, width, height),
    ('<title id="%s">%s in the last 7 days: %s</title>'):format(id, name,
      escape(said)),
    ('<path class="ground" d="M0 %dH%d"%s/>'):format(y_of(0), width, stroke),
    threshold and ('<path class="threshold" d="M0 %dH%d"%s/>'):format(
      y_of(threshold), width, stroke) or "",
    ('<path class="area" d="%s"/>'):format(area),
    ('<path class="line" d="%s"%s/>'):format(line, stroke),
    marks,
    ('<path class="now" d="M%d %dh0"%s/>'):format(last,
      y_of(samples[#samples].left), stroke),
    "</svg>",
  }, said
end

return _M
