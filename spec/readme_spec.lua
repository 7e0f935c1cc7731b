-- SPDX-License-Identifier: MIT
--
-- The README and examples/README.md as a reader uses them: their Lua runs,
-- their contents and links lead somewhere, and each function is explained.
-- Whether the facts are right is in readme_facts_spec.lua.
local balance = require "balance"
local pages = require "support.readme"
local process = require "support.process"

-- Pages whose links are checked. The first two have contents, and Lua to run.
local all = { pages.main, pages.more, "SECURITY.md", "CHANGELOG.md" }

local texts = {}
for _, path in ipairs(all) do
  texts[path] = "\n" .. assert(process.read(path))
end

-- The link to a heading, as GitHub makes it.
local function anchor_of(heading)
  return "#" .. heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
end

local function anchors_of(path)
  local found = {}
  for heading in texts[path]:gmatch("\n#+ ([^\n]+)") do
    local anchor = anchor_of(heading)
    assert.is_nil(found[anchor], path .. " has two headings " .. heading)
    found[anchor] = true
  end
  return found
end

local function exists(path)
  return select(2, process.run("test -e " .. process.quote(path))) == 0
end

-- Runs each piece of Lua in a page.
local function define_runs(path)
  local line = 1
  for before, code in pages.text[path]:gmatch("(.-)\n```lua\n(.-)\n```") do
    line = line + select(2, before:gsub("\n", "")) + 2

    it(("does what it says, from line %d #matrix"):format(line), function()
      -- Udio's stand-in plays the service of the worked provider.
      local output, status = process.run_lua(code,
        'ACME_ENDPOINT="$UDIO_ENDPOINT" ACME_API_KEY="$UDIO_API_KEY"')
      assert.equal(0, status, output)
      local expected = {}
      for text in code:gmatch("%-%-> ([^\n]+)") do
        expected[#expected + 1] = text .. "\n"
      end
      if #expected > 0 then
        assert.equal(table.concat(expected), (output:gsub("\t", " ")))
      end
    end)

    line = line + select(2, code:gsub("\n", "")) + 2
  end

  it("is there", function()
    assert.is_true(line > 1)
  end)
end

for _, path in ipairs { pages.main, pages.more } do
  describe("the Lua of " .. path, function()
    define_runs(path)
  end)

  describe("the contents of " .. path, function()
    it("have each heading of level 2 and 3, in their order", function()
      local text, wanted, found = pages.text[path], {}, {}
      for heading in text:gmatch("\n###? ([^\n]+)") do
        if heading ~= "Contents" then
          wanted[#wanted + 1] = anchor_of(heading)
        end
      end
      local contents = text:match("\n## Contents\n(.-)\n#")
        or text:match("^(.-)\n## ")
      for anchor in contents:gmatch("%]%((#[^)]+)%)") do
        found[#found + 1] = anchor
      end
      assert.same(wanted, found)
    end)
  end)
end

for _, path in ipairs(all) do
  describe(path, function()
    local directory = path:match("^.*/") or ""

    it("links to what is there", function()
      for target in texts[path]:gmatch("%]%(([^)]+)%)") do
        local file, anchor = target:match("^([^#]*)(#?.*)$")
        if not file:find("^https:") then
          local other = file == "" and path or directory .. file
          other = other:gsub("^examples/%.%./", "")
          assert.is_true(exists(other), target)
          assert.is_true(anchor == "" or anchors_of(other)[anchor], target)
        end
      end
    end)

    it("names files that are there", function()
      for name in texts[path]:gmatch("`([%l_.]+/[%w_./]*%w)`") do
        if not name:find("^build/") then
          assert.is_true(exists(name), name)
        end
      end
    end)
  end)
end

describe("the README", function()
  it("shows a script in its first 25 lines", function()
    local before = pages.text[pages.main]:match("^(.-\n```lua\n)")
    assert.is_true(select(2, before:gsub("\n", "")) <= 10)
    local script = pages.text[pages.main]:match("^(.-\n```)\n")
    assert.is_true(select(2, script:gsub("\n", "")) < 25)
  end)

  it("has syntax, options, result, failures and context of each public"
    .. " function", function()
    local functions = { "tc3.sign", "core.info" }
    for name, value in pairs(balance) do
      if type(value) == "function" then
        functions[#functions + 1] = name
      end
    end
    for name in pairs(balance.store) do
      functions[#functions + 1] = "store." .. name
    end
    assert.is_true(#functions >= 10)
    for _, name in ipairs(functions) do
      local heading = "balance%." .. name:gsub("%.", "%%.") .. "%([^\n]*%)"
      local labels = {}
      for label in pages.section(heading):gmatch("\n%- %*%*(.-):%*%* ") do
        labels[#labels + 1] = label
      end
      assert.same({ "syntax", "options", "result", "failures", "in nginx" },
        labels, name)
    end
  end)

  it("lists each script of examples/, as its own page does", function()
    local scripts = process.run "ls examples/*.lua"
    local loops = pages.section "Event loops"
    for script in scripts:gmatch("examples/([%w_]+%.lua)\n") do
      assert.is_not_nil(pages.section "Examples":find(
        "`examples/" .. script .. "`", 1, true), script)
      assert.is_not_nil(pages.section("The scripts", pages.more):find(
        ("[%s](%s)"):format(script, script), 1, true), script)
    end
    assert.is_not_nil(loops:find("(examples/copas_loop.lua)", 1, true))
  end)

  it("names every target of the Makefile", function()
    local help, status = process.run "make -s help"
    assert.equal(0, status, help)
    local development = pages.section "Development"
    for target in ("\n" .. help):gmatch("\n(%l+) ") do
      if target ~= "help" then
        assert.is_not_nil(development:find("`" .. target .. "`", 1, true),
          target)
      end
    end
  end)
end)
