-- SPDX-License-Identifier: MIT
--- Reads lua/balance/types.lua: the language server's annotations.
local process = require "support.process"

local _M = {}

--- The file.
_M.text = assert(process.read "lua/balance/types.lua")

-- A field's annotation, after its name.
local function read_field(rest)
  return {
    optional = rest:find "^%?" ~= nil,
    type = rest:match "^%?? (fun%b())" or rest:match "^%?? (%S+)",
    text = rest,
  }
end

-- The annotations: of each class its `parents` and its own `fields`; of each
-- alias the `choices`.
local function read_types()
  local types, last = {}, nil
  for line in _M.text:gmatch "[^\n]+" do
    local tag, name, rest = line:match "^%-%-%-@(%l+) ([%w_.]+)(.*)"
    local choice = line:match '^%-%-%-| "([%w_]+)"'
    if tag == "class" or tag == "alias" then
      last = name
      types[last] = { parents = {}, fields = {}, choices = {} }
      for parent in rest:gmatch "balance%.%w+" do
        table.insert(types[last].parents, parent)
      end
    elseif tag == "field" then
      types[last].fields[name] = read_field(rest)
    elseif choice then
      types[last].choices[choice] = true
    end
  end
  return types
end

local types = read_types()

--- The classes and aliases by name, as they were read.
_M.types = types

--- The fields of a class, with those of its parents.
-- @tparam string class without "balance."
function _M.fields_of(class)
  local all = {}
  for name, field in pairs(types["balance." .. class].fields) do
    all[name] = field
  end
  for _, parent in ipairs(types["balance." .. class].parents) do
    for name, field in pairs(_M.fields_of(parent:match "%w+$")) do
      all[name] = field
    end
  end
  return all
end

local of_word = { integer = "number", ["true"] = "boolean",
  ["false"] = "boolean", fun = "function" }

--- The types of Lua that an annotation stands for.
function _M.lua_types(annotation)
  local found = {}
  for word in annotation:gsub("%b()", ""):gsub("%b<>", "")
    :gmatch "[^|]+" do
    if word:find '^"' then
      found.string = true
    elseif word:find "%[%]$" or word:find "^balance%." then
      found[types[word] and next(types[word].choices) and "string"
        or "table"] = true
    else
      found[of_word[word] or word] = true
    end
  end
  return found
end

return _M
