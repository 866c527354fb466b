/** Say that a page is broken, and leave the rest of the console as it is. */

import { Component, type ReactNode } from "react";

interface BoundaryProps {
  children: ReactNode;
}

export class Boundary extends Component<BoundaryProps, { fault: Error | null }> {
  override state = { fault: null };

  static getDerivedStateFromError(fault: Error): { fault: Error } {
    return { fault };
  }

  override render(): ReactNode {
    if (this.state.fault === null) return this.props.children;
    return (
      <div className="notice bad" role="alert">
        <h2>This page cannot be shown.</h2>
        <p>It may be of another version than the server, or there is a mistake in it.</p>
        <p>
          <button type="button" onClick={() => location.reload()}>
            Load the console anew
          </button>
        </p>
      </div>
    );
  }
}
