-- SPDX-License-Identifier: MIT
--- The pages for readers, their sections and tables, and what the sources
-- declare, so that the specs can compare them.
local assert = require "luassert"
local process = require "support.process"

local _M = {}

--- The README, and the page of what only some readers need.
_M.main, _M.more = "README.md", "examples/README.md"

_M.text = {}
for _, path in ipairs { _M.main, _M.more } do
  _M.text[path] = assert(process.read(path))
end

--- The only match of a pattern in a text.
function _M.only(text, pattern)
  local found, position = text:match(pattern .. "()")
  assert.is_not_nil(found, "there is no " .. pattern)
  assert.is_nil(text:match(pattern, position), "there are two " .. pattern)
  return found
end

--- The text below a heading, up to the next heading of any level.
-- @tparam string heading as a pattern
-- @tparam ?string path of the page (the README)
function _M.section(heading, path)
  local text = _M.text[path or _M.main]
  local from = select(2, text:find("\n#+ " .. heading .. "\n"))
  assert.is_not_nil(from, "there is no heading " .. heading)
  return text:sub(from, (text:find("\n#", from, true)))
end

--- The rows of the tables in a text: for each name in code quotes in a first
-- cell, the cells of its row.
function _M.rows(text)
  local found = {}
  for line in text:gmatch("\n| (`[^\n]+) |") do
    local cells = {}
    for cell in (line .. "|"):gmatch("%s*(.-)%s*|") do
      cells[#cells + 1] = cell
    end
    for name in cells[1]:gmatch("`([^`]+)`") do
      found[name] = cells
    end
  end
  return found
end

--- The names in code quotes of a text.
function _M.quoted(text)
  local found = {}
  for name in text:gmatch("`([%w_]+)`") do
    found[name] = true
  end
  return found
end

--- Asserts that a section of the README has a sentence, however it is wrapped.
-- @tparam string heading
-- @tparam string format of the sentence, and its values after it
function _M.says(heading, format, ...)
  local sentence = format:format(...)
  local text = _M.section(heading):gsub("%s+", " ")
  assert.is_not_nil(text:find(sentence, 1, true), sentence)
end

--- The names of some sets, sorted.
function _M.names(...)
  local all = {}
  for _, set in ipairs { ... } do
    for name in pairs(set) do
      all[#all + 1] = name
    end
  end
  table.sort(all)
  return all
end

--- All Lua files of the module, as one text.
_M.sources = process.run "find lua -name '*.lua' -exec cat {} +"

--- The fields of a class, by its annotations.
function _M.fields_of(class)
  local found, last = {}, nil
  for line in _M.sources:gmatch("[^\n]+") do
    last = line:match("^%-%-%-@class (%S+)") or last
    local name = line:match("^%-%-%-@field ([%w_]+)")
    if name and last and last:gsub(":$", "") == class then
      found[name] = true
    end
  end
  assert.is_not_nil(next(found), class)
  return found
end

--- The strings that an alias stands for, by its annotations.
function _M.choices_of(alias)
  local found, is_inside = {}, false
  for line in _M.sources:gmatch("[^\n]+") do
    if not line:find("^%-%-%-|") then
      is_inside = line:find("^%-%-%-@alias " .. alias .. "%f[^%w.]") ~= nil
    elseif is_inside then
      found[line:match('"([^"]+)"')] = true
    end
  end
  assert.is_not_nil(next(found), alias)
  return found
end

--- Asserts that each of these numbers is given to a name somewhere in a file
-- of the module: the page and the code have the same ones.
-- @tparam string path below lua/balance/, without ".lua"
function _M.declares(path, ...)
  local text = assert(process.read("lua/balance/" .. path .. ".lua"))
  local known = {}
  for _, values in text:gmatch("([%w_]) = ([%d., ]*%d)") do
    for number in values:gmatch("[%d.]+") do
      known[tonumber(number) or ""] = true
    end
  end
  for _, number in ipairs { ... } do
    assert.is_true(known[number], path .. " does not declare " .. number)
  end
end

return _M
