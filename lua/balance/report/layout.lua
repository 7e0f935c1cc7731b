-- SPDX-License-Identifier: MIT
--- Text in the columns of a terminal.
-- @module balance.report.layout

local _M = {}

--- Escape sequences of terminals: a colour begins, and ends.
_M.green, _M.yellow, _M.red = "\27[32m", "\27[33m", "\27[31m"
_M.no_colour = "\27[0m"

-- The number of a character of three or four bytes.
local function code_of(character)
  local a, b, c, d = character:byte(1, 4)
  return d and (a % 8 * 64 + b % 64) * 4096 + c % 64 * 64 + d % 64
    or a % 16 * 4096 + b % 64 * 64 + c % 64
end

local wide = { { 0x1100, 0x115F }, { 0x2E80, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFF01, 0xFF60 }, { 0x1F300, 0x3FFFF } }

--- How many columns a text takes: two for each character of those alphabets
-- that are written in squares.
-- @tparam string text UTF-8
-- @treturn integer
function _M.width_of(text)
  local width = 0
  for character in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    width = width + 1
    local code = #character >= 3 and code_of(character) or 0
    for _, range in ipairs(wide) do
      width = width + (code >= range[1] and code <= range[2] and 1 or 0)
    end
  end
  return width
end

local function pad(text, width, is_number)
  local blanks = (" "):rep(width - _M.width_of(text))
  return is_number and blanks .. text or text .. blanks
end

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, _M.width_of(cell))
    end
  end
  return widths
end

-- Which columns are shown: one after another of those that can be spared goes,
-- until the others fit.
local function columns_that_fit(columns, widths, width)
  local total, shown, spare = -2, {}, {}
  for i, column in ipairs(columns) do
    total, shown[i] = total + widths[i] + 2, true
    if column.spare then
      spare[column.spare] = i
    end
  end
  for _, i in ipairs(spare) do
    if total > (width or math.huge) then
      total, shown[i] = total - widths[i] - 2, false
    end
  end
  return shown
end

--- Writes a table.
-- @tparam {table,...} columns each with its title, `is_number` (to the right)
-- and `spare` (1: it goes first where there is no room)
-- @tparam {table,...} rows lists of texts
-- @tparam {string,...} lines the lines are added there
-- @tparam ?integer width columns of the terminal; nil: there is room for all
-- @tparam ?function paint gets a cell as it is shown, its row's number and its
-- column's; returns it with its colour
function _M.table(columns, rows, lines, width, paint)
  local titles = {}
  for i, column in ipairs(columns) do
    titles[i] = column[1]
  end
  local all = { titles }
  for i, row in ipairs(rows) do
    all[i + 1] = row
  end
  local widths = widths_of(all)
  local shown = columns_that_fit(columns, widths, width)
  local last = #columns
  while not shown[last] do
    last = last - 1
  end
  for i, row in ipairs(all) do
    local cells = {}
    for j, column in ipairs(columns) do
      if shown[j] then
        local cell = j == last and not column.is_number and row[j]
          or pad(row[j], widths[j], column.is_number)
        cells[#cells + 1] = paint and i > 1 and paint(cell, i - 1, j) or cell
      end
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub(" +$", ""))
  end
end

--- Writes a text, in several lines where it is too long for one.
-- @tparam string text
-- @tparam string indent goes before each line but the first
-- @tparam {string,...} lines the lines are added there
-- @tparam ?integer width columns of the terminal; nil: one line
function _M.wrap(text, indent, lines, width)
  local line, used
  for blanks, word in text:gmatch "( *)([^ ]+)" do
    local more = #blanks + _M.width_of(word)
    if line and used + more > (width or math.huge) then
      lines[#lines + 1] = line
      line, used = indent .. word, #indent + more - #blanks
    else
      line, used = (line or "") .. blanks .. word, (used or 0) + more
    end
  end
  lines[#lines + 1] = line or ""
end

return _M
