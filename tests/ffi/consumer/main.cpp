#include <iostream>
#include <wswarden.hpp>

int main() {
    try {
        auto policy = wsw::policy::from_toml("origin.allow = ['*']");
    } catch (const wsw::error &error) {
        std::cout << "wswarden " << wsw_version() << ": " << error.what() << "\n";
        return error.status() == WSW_STATUS_POLICY_ERROR ? 0 : 1;
    }
    return 2;
}
