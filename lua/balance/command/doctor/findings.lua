-- SPDX-License-Identifier: MIT
--- What the doctor has found: a list of findings, each with its check, what was
-- found and, where something is wrong, what to do. No finding has a key or an
-- account's number in it.
-- @module balance.command.doctor.findings

local clean = require("balance.failure").clean
local paths = require "balance.command.paths"

local _M = {}

local min_digits = 7 -- an account's number has more; no service's code has

--- A text of a service, or of a role, without the numbers of accounts.
-- @tparam string text
-- @treturn string
function _M.mask(text)
  return (text:gsub(("%d"):rep(min_digits) .. "+", "..."))
end

-- A home directory has its user's name.
local function shorten(text)
  local home = paths.expand "~/"
  if home ~= "~/" then
    local first, last = text:find(home, 1, true)
    while first do
      text = text:sub(1, first - 1) .. "~/" .. text:sub(last + 1)
      first, last = text:find(home, first, true)
    end
  end
  return text
end

local function plain(text)
  return text and clean(shorten(text), {})
end

local Findings = {}
Findings.__index = Findings

--- Adds a finding.
-- @tparam string state "ok", "warning" (it may be meant so), "wrong" or "skipped"
-- @tparam string check one word or two
-- @tparam string finding
-- @tparam ?string remedy what to do
function Findings:add(state, check, finding, remedy)
  self.list[#self.list + 1] = {
    section = self.section, state = state, check = check,
    finding = plain(finding) or "", remedy = plain(remedy),
  }
end

--- Begins a section: what is found next belongs to it.
-- @tparam string title
function Findings:begin(title)
  self.section = plain(title)
end

--- Adds all findings of another list.
-- @tparam table other
function Findings:append(other)
  for _, finding in ipairs(other.list) do
    self.list[#self.list + 1] = finding
  end
end

--- How many findings are of a state.
-- @tparam string state
-- @treturn integer
function Findings:count(state)
  local count = 0
  for _, finding in ipairs(self.list) do
    count = count + (finding.state == state and 1 or 0)
  end
  return count
end

--- Makes an empty list.
-- @treturn table
function _M.new()
  return setmetatable({ list = {} }, Findings)
end

return _M
