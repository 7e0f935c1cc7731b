-- SPDX-License-Identifier: MIT
--
-- The version, the CHANGELOG, the rockspec and the README agree.
local balance = require "balance"
local pages = require "support.readme"
local process = require "support.process"

local only = pages.only

describe("the version", function()
  it("is the newest of the CHANGELOG", function()
    assert.equal(balance._VERSION,
      process.read("CHANGELOG.md"):match("\n## (%d+%.%d+%.%d+)"))
  end)
end)

describe("the README", function()
  it("says what is needed as the build does", function()
    local makefile = assert(process.read "Makefile")
    local packages = assert(process.read ".ci/packages")
    local install = pages.section "Install"
    for library, words in pairs {
      libcurl = "libcurl (%d[%d.]*%d)", libcrypto = "OpenSSL (%d[%d.]*%d)",
    } do
      local version = only(makefile,
        "%-%-atleast%-version=([%d.]+) " .. library)
      assert.equal(version, packages:match("pc:" .. library .. ">=([%d.]+)"))
      assert.equal(version, (only(install:gsub("%s+", " "), words)))
    end
    for package in packages:gmatch("\nbuild +(%S+)") do
      assert.is_not_nil(install:find(package, 1, true), package)
    end
  end)
end)

describe("the README's commands for LuaRocks", function()
  it("name the Lua, and how to use Debian's lua-cjson, as .ci/rock does",
    function()
      local commands = 0
      for command in pages.section "Install":gmatch("\n    (luarocks [^\n]+)")
      do
        assert.matches("^%l+ %l+ %-%-lua%-version 5%.4 ", command)
        commands = commands + 1
      end
      assert.equal(2, commands)
      pages.says("Install", "To use Debian's, add `--deps-mode=none`")
      assert.matches("make %-%-deps%-mode=none\n", process.read ".ci/rock")
    end)
end)

describe("the rockspec", function()
  local rockspec = assert(process.read "balance-scm-1.rockspec")
  local readme = pages.text[pages.main]

  it("asks for what the README asks for", function()
    local install = pages.section "Install":gsub("%s+", " ")
    assert.equal(only(rockspec, '"lua >= ([%d.]+)"'),
      install:match("Lua ([%d.]+),"))
    assert.equal(only(rockspec, '"lua%-cjson >= ([%d.]+)"'),
      install:match("lua%-cjson ([%d.]+),"))
    local text = rockspec:gsub("%s+", " ")
    for _, words in ipairs { "libcurl (%d[%d.]*%d)",
      "OpenSSL (%d[%d.]*%d)" } do
      assert.equal(only(install, words), text:match(words))
    end
  end)

  it("has the README's repository as source and homepage", function()
    local homepage = only(rockspec, 'homepage = "([^"]+)"')
    assert.equal("git+" .. homepage .. ".git",
      only(rockspec, ' url = "([^"]+)"'))
    assert.is_not_nil(readme:find("git clone " .. homepage .. ".git\n",
      1, true))
  end)

  it("has the licence that each source file has", function()
    local license = only(rockspec, ' license = "([^"]+)"')
    assert.is_not_nil(readme:find(license .. ", see [LICENSE]", 1, true))
    local without = process.run("grep -rLF 'SPDX-License-Identifier: "
      .. license .. "' lua src spec examples --include='*.lua'"
      .. " --include='*.[ch]'")
    assert.equal("", without)
  end)
end)
